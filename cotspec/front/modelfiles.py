"""Where this machine has the files of a model, and what its small files say. Nothing is downloaded.

A folder may be a stranger's: files are read up to a size, and what cannot be read says nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from cotspec.files import plain, regular
from cotspec.files.snapshots import SnapshotError, commit, resolved
from cotspec.spec.local import LOCAL_FILE, Local, folder

LONGEST_TEMPLATE: Final = 1_000_000
"""Characters of a chat template; the longest that models have is a hundredth of it."""


def of_hub(id: str, revision: str, root: Path, local: Local) -> Iterator[tuple[Path, str]]:
    """Folders that may hold a hub model, best first, each with what a person knows it by: the one cotspec.local.yaml
    names and no other, else copies in the cache, that of the revision before any other."""
    if id in local.models:
        place = folder(local.models[id], root)
        with suppress(SnapshotError):  # a finding of its own
            place = resolved(place, "models", id, revision)
        yield place, f"{id} ({LOCAL_FILE})"
        return
    kept = hub_cache(root, local) / f"models--{id.replace('/', '--')}"
    wanted = kept / "snapshots" / commit(kept, revision)
    others = sorted((kept / "snapshots").iterdir()) if (kept / "snapshots").is_dir() else []
    for place in dict.fromkeys((wanted, *others)):
        yield place, f"{id} in the hub's cache"


def hub_cache(root: Path, local: Local) -> Path:
    """Where the hub's client keeps downloads, as its own variables say."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache)
    home = os.environ.get("HF_HOME")
    if not home and local.cache:
        home = str(folder(local.cache, root))
    return Path(home or Path.home() / ".cache" / "huggingface") / "hub"


def chat_template(place: Path, within: tuple[Path, ...] = ()) -> str:
    """The text of a tokenizer's chat template, or of all of them where it has several; "" when it cannot be read."""
    for name in ("chat_template.jinja", "chat_template.json", "tokenizer_config.json"):
        if name.endswith(".json"):
            template = plain.json_object(place / name, within=within).get("chat_template")
            named = template if isinstance(template, list) else ()
            several = (each.get("template") for each in named if isinstance(each, dict))
            text = "\n".join(each for each in (template, *several) if isinstance(each, str))[:LONGEST_TEMPLATE]
        else:
            text = _text(place / name, within)
        if text:
            return text
    return ""


def _text(path: Path, within: tuple[Path, ...]) -> str:
    try:
        return regular.content(path, most=LONGEST_TEMPLATE, within=within).decode("utf-8")
    except (OSError, ValueError):
        return ""


def names(place: Path) -> frozenset[str]:
    """The files of a folder."""
    try:
        return frozenset(os.listdir(place))
    except OSError:
        return frozenset()
