"""A revision on the hub → the commit it is now; the files of one → a folder of this machine that surely holds them.

Everything is loaded from that folder, so what is used is what was checked. Libraries that are given an id and a
revision may quietly use something else: `datasets`, when the hub does not answer, takes the data set it cached last,
whatever commit that was.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cotspec.hub.errors import NOUNS, HubError, Kind, explained, require
from cotspec.spec.lock import is_commit

_MODEL: Final = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "*.tiktoken", "*.py")
_ABOUT: Final = (
    *("config.json", "generation_config.json", "tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab*"),
    *("merges*", "chat_template*", "*.model", "*.tiktoken", "tekken.json"),
)
_PICKLED: Final = ("*.bin",)
"""Weights of models that were never saved as safetensors."""
_NOT_MODEL: Final = ("*/*", "consolidated*")
"""The same weights once more in other forms, which stand in folders, and those of one family of models."""
Patterns = Sequence[str] | None
"""Names of files, with `*`; None is all of them."""
_CARD: Final = ("README.md", ".huggingface.yaml", "dataset_infos.json")


def resolve(kind: Kind, id: str, revision: str) -> str:
    """The commit a branch or tag points to; nothing is downloaded. Raises HubError.

    Honours HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE.
    """
    require(revision)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfApi, constants

    api, seconds = HfApi(), constants.HF_HUB_ETAG_TIMEOUT
    try:
        if kind == "models":
            sha = api.model_info(id, revision=revision, timeout=seconds).sha
        else:
            sha = api.dataset_info(id, revision=revision, timeout=seconds).sha
    except Exception as error:
        raise explained(error, kind, id, revision) from error
    if not isinstance(sha, str) or not is_commit(sha):
        raise HubError(f"the hub's answer about the {NOUNS[kind]} `{id}` holds no commit", "check HF_ENDPOINT")
    return sha


def model(id: str, revision: str) -> Path:
    """A folder with weights and tokenizer. Raises HubError."""
    folder = _fetched("models", id, revision, allow=_MODEL, ignore=_NOT_MODEL)
    weights = () if any(folder.glob("*.safetensors")) else _PICKLED
    return _checked("models", id, revision, allow=(*_MODEL, *weights), ignore=_NOT_MODEL)


def about(id: str, revision: str) -> Path:
    """A folder with the small files of a model: configuration and tokenizer, no weights. Raises HubError."""
    return _checked("models", id, revision, allow=_ABOUT, ignore=_NOT_MODEL)


def data(id: str, revision: str, config: str) -> Path:
    """A folder with the files of one configuration of a data set ("" is the default one). Raises HubError."""
    folder = _fetched("data", id, revision, allow=_CARD)
    patterns = _patterns(folder / "README.md", config)
    return _checked("data", id, revision, allow=(*_CARD, *patterns) if patterns else None)


def commit(folder: Path) -> str:
    """The commit of a folder that was given here."""
    return folder.name


def told(folder: Path) -> set[str]:
    """The commits that a folder says it has files of: one of the hub's cache by its name, one that `hf download` filled
    by the notes it left there. Any other says nothing."""
    commits = {folder.name} if folder.parent.name == "snapshots" else set()
    for note in (folder / ".cache" / "huggingface" / "download").rglob("*.metadata"):
        commits.update(note.read_text(encoding="utf-8").splitlines()[:1])
    return {name for name in commits if is_commit(name)}


# --- downloading ------------------------------------------------------------------------------------------------------


def _checked(kind: Kind, id: str, revision: str, *, allow: Patterns, ignore: Sequence[str] = ()) -> Path:
    """The folder of a revision in which all files that are asked for are, each of them that commit's."""
    folder = _fetched(kind, id, revision, allow=allow, ignore=ignore)
    try:
        # Files that the hub sent as another commit's lie in a folder of that commit, and are missing here.
        _snapshot(kind, id, commit(folder), allow=allow, ignore=ignore, local=True)
    except OSError as error:
        raise _other(folder, kind, id, revision) from error
    if is_commit(revision) and commit(folder) != revision:
        raise _other(folder, kind, id, revision)
    return folder


def _fetched(kind: Kind, id: str, revision: str, *, allow: Patterns, ignore: Sequence[str] = ()) -> Path:
    require(revision)
    try:
        return _snapshot(kind, id, revision, allow=allow, ignore=ignore)
    except Exception as error:
        raise explained(error, kind, id, revision) from error


def _snapshot(
    kind: Kind, id: str, revision: str, *, allow: Patterns, ignore: Sequence[str], local: bool = False
) -> Path:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():  # a log has no use for bars; a person who waits for 28 GB has
        disable_progress_bars()
    return Path(
        snapshot_download(
            id,
            repo_type="model" if kind == "models" else "dataset",
            revision=revision,
            allow_patterns=None if allow is None else list(allow),
            ignore_patterns=list(ignore),
            local_files_only=local,
        )
    )


def _other(folder: Path, kind: Kind, id: str, revision: str) -> HubError:
    note = folder.parents[1] / "refs" / revision
    sent = f" (it sent {note.read_text(encoding='utf-8')[:12]})" if note.is_file() else ""
    text = f"the hub sent files of another commit than {revision} of the {NOUNS[kind]} `{id}`{sent}"
    return HubError(text, "nothing of it is used: check what HF_ENDPOINT points to")


# --- which files a configuration has ----------------------------------------------------------------------------------


def _patterns(card: Path, config: str) -> tuple[str, ...]:
    """Patterns of the files that are read; none means all of them. Raises HubError."""
    configs = _configs(card)
    if not configs or any("data_files" not in one for one in configs):
        return ()
    named = {str(one.get("config_name")): one for one in configs}
    default = next((one for one in configs if one.get("default")), named.get("default", configs[0]))
    wanted = named.get(config, configs[0]) if config else default
    # The first one too: `datasets` looks at its files to learn their format, whichever is asked for.
    patterns = (pattern for one in (configs[0], wanted) for pattern in _named(one["data_files"]))
    return tuple(dict.fromkeys(_glob(pattern) for pattern in patterns))


def _configs(card: Path) -> list[Mapping[str, object]]:
    from huggingface_hub import DatasetCard

    if not card.is_file() or not card.read_text(encoding="utf-8", errors="replace").startswith("---"):
        return []
    try:
        configs = DatasetCard.load(card, ignore_metadata_errors=True).data.to_dict().get("configs")
    except ValueError:
        return []  # `datasets` has its own words for a card that cannot be read
    return [one for one in configs if isinstance(one, dict)] if isinstance(configs, list) else []


def _named(files: object) -> list[str]:
    """Every pattern of `data_files`, which is a pattern, a list of them, or a list of splits with theirs."""
    match files:
        case str():
            return [files]
        case list():
            return [pattern for one in files for pattern in _named(one)]
        case dict():
            return _named(files.get("path", []))
        case _:
            return []


def _glob(pattern: str) -> str:
    """A pattern of `datasets` as the hub's client has it, where `*` crosses folders: it matches the same or more."""
    if "://" in pattern:
        raise HubError(f"the data set reads `{pattern}`, which no commit of it pins", "use a copy that holds its files")
    return pattern.removeprefix("./").lstrip("/").replace("**/", "*")
