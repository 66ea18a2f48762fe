"""What this machine alone knows (cotspec.local.yaml): folders of hub models and data sets, where downloads are kept.

Read when a task runs, because tasks are compiled on another machine or day. A project without the file has no such
folders. `cotspec check` says what is wrong with the file in more words.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from cotspec.files import plain, regular, snapshots
from cotspec.hub import fetch
from cotspec.runtime.errors import TaskError
from cotspec.runtime.task import Task
from cotspec.spec.base import Part
from cotspec.spec.local import LOCAL_FILE, Local, folder
from cotspec.spec.lock import is_commit
from cotspec.spec.payload import HubData, HubModel

_CACHE = "HF_HOME"
_NUMBER = re.compile(r"\d+")
_ALIKE = 0.8
"""How alike an id and its misspelling are (difflib)."""


def read(root: Path) -> Local:
    """The project's settings for this machine. Raises TaskError when the file cannot be used."""
    try:
        data = plain.yaml_value(regular.content(root / LOCAL_FILE, most=plain.MOST_YAML, within=(root,)))
    except FileNotFoundError:
        return Local()
    except OSError as error:
        raise TaskError(f"cannot read {LOCAL_FILE}: {error.strerror}") from error
    except plain.DataError as error:
        raise TaskError(f"{LOCAL_FILE} is not read: {error} (`cotspec check` says where)") from error
    try:
        return Local() if data is None else Local.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise TaskError(f"{LOCAL_FILE}: {place}: {first['msg']} (run `cotspec check`)") from error


def found(root: Path, kind: Literal["models", "data"], hub_id: str, revision: str) -> Path | None:
    """The local folder of a hub model or data set: the one that is named, or in a cache of the hub's client that is
    named the snapshot; None when none is named.

    Raises TaskError when it is not there, or says that it is of another commit than the payload names.
    """
    named: dict[str, str] = getattr(read(root), kind)
    if hub_id not in named:
        return None
    place = folder(named[hub_id], root)
    if not place.is_dir():
        raise TaskError(f"{LOCAL_FILE} names {place} for {hub_id}, and there is no such folder")
    try:
        place = snapshots.resolved(place, kind, hub_id, revision)
    except snapshots.SnapshotError as error:
        raise TaskError(f"{LOCAL_FILE} names {place} for {hub_id}: it {error}") from error
    others = fetch.told(place.resolve()) - {revision}
    if others and is_commit(revision):
        raise TaskError(f"{LOCAL_FILE} names {place} for {hub_id}: it is of {min(others)}, and {revision} is wanted")
    return place


def advice(kind: Literal["models", "data"], hub_id: str, root: Path | None = None) -> str:
    """What to do about something of the hub that cannot be had from there; `root` is the project whose file may have
    its id misspelt."""
    named: dict[str, str] = {} if root is None else getattr(read(root), kind)
    same_numbers = [id for id in named if _NUMBER.findall(id) == _NUMBER.findall(hub_id)]  # 3B is another model than 7B
    if close := get_close_matches(hub_id, same_numbers, n=1, cutoff=_ALIKE):
        return f"{LOCAL_FILE} has a folder for `{close[0]}`: is `{hub_id}` meant?"
    return f"if this machine has it, name its folder in {LOCAL_FILE}: `{kind}: {{{hub_id}: …}}`"


def places(task: Task) -> list[dict[str, str]]:
    """What of the hub a task takes from this machine's own folders: where they are, and what tells their content."""
    named: dict[str, dict[str, str]] = {}
    for part in _hub_parts(task.payload.task):
        kind: Literal["models", "data"] = "models" if isinstance(part, HubModel) else "data"
        place = None
        with suppress(TaskError):  # a task that needs it has said so by now
            place = found(task.root, kind, part.id, part.revision)
        if place is not None:
            about = {"id": part.id, "revision": part.revision, "folder": str(place)}
            if commits := fetch.told(place.resolve()):
                about["commit"] = " ".join(sorted(commits))
            config = place / "config.json"
            if config.is_file():
                about["config"] = f"sha256:{sha256(regular.content(config, most=plain.LARGEST)).hexdigest()}"
            named[f"{kind} {part.id}"] = about
    return list(named.values())


def _hub_parts(part: object) -> Iterator[HubModel | HubData]:
    """The models and data sets of the hub that a body names."""
    if isinstance(part, HubModel | HubData):
        yield part
    elif isinstance(part, Part):
        yield from (each for value in vars(part).values() for each in _hub_parts(value))
    elif isinstance(part, tuple):
        yield from (each for value in part for each in _hub_parts(value))


def set_cache(root: Path) -> None:
    """Set where downloads are kept, before any library that reads it is imported; a variable that is set goes first."""
    cache = read(root).cache
    if cache is not None and not os.environ.get(_CACHE):
        os.environ[_CACHE] = str(folder(cache, root))
