"""Results that nothing needs any more, as a project's folders show them: found here, removed elsewhere.

A task that is built is needed, and so is one that a spec asks for though another one is built now. A result may go only
where DVC's cache holds every byte of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from cotspec.back import places
from cotspec.history import locks, unfinished
from cotspec.spec import artifact_names

Advance = Callable[[int], None]
"""Called with the number of bytes that were hashed since the last call."""
_TASK: Final = re.compile(r"[a-z][a-z0-9-]*-[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftover:
    """A folder of `generated/` that nobody builds and no spec asks for."""

    folder: str
    """Relative to the project."""
    size: int
    """Bytes of its result."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """A scratch folder of a task that nobody builds and no spec asks for."""

    folder: str
    """Relative to the project."""
    size: int
    """Bytes."""
    state: Literal["unfinished", "finished", "stored"]
    """What is in it: work, a finished result, or one that DVC's cache has, too."""


def leftovers(root: Path, needed: Collection[str]) -> list[Leftover]:
    """Results in folders that are not built; `needed` are the folders of all tasks that specs ask for."""
    busy = unfinished.running(root)
    return [
        Leftover(folder=folder, size=_size(root / folder / places.OUT))
        for folder in locks.folders(root)
        if folder not in needed and _is_result(root, folder) and folder.rpartition("/")[2] not in busy
    ]


def _is_result(root: Path, folder: str) -> bool:
    """Whether a folder is that of a task, is not built, and holds a result."""
    parent, _, name = folder.rpartition("/")
    own = parent == artifact_names.REPORTS or (parent == places.STAGES and _TASK.fullmatch(name) is not None)
    out = root / folder / places.OUT
    return own and out.is_dir() and not out.is_symlink() and not (root / places.target(folder)).exists()


def unbuilt(root: Path, needed: Collection[str]) -> list[str]:
    """Folders of the last build that no spec asks for: the next build leaves them."""
    built = (f"{places.STAGES}/", f"{artifact_names.REPORTS}/")
    folders = (each for each in locks.folders(root) if each.startswith(built))
    return [each for each in folders if each not in needed and (root / places.target(each)).exists()]


def stored(root: Path, each: Leftover, advance: Advance = lambda _bytes: None) -> bool:
    """Whether DVC's cache holds all of a result: out/ is hashed, so that a changed file is not taken for a stored
    one."""
    cache, out = locks.Cache(root), root / each.folder / places.OUT
    try:
        files = locks.files(out, cache.within)
    except OSError:
        return False
    digests = {name: locks.digest(path, cache.within, advance) or "" for name, path in files.items()}
    same = (_holds(cache, digests[name], path.stat().st_size) for name, path in files.items())
    return bool(files) and cache.result(artifact_names.folder_digest(digests)) is not None and all(same)


def _holds(cache: locks.Cache, digest: str, size: int) -> bool:
    return bool(digest) and os.path.isfile(cache.file(digest)) and os.path.getsize(cache.file(digest)) == size


def work(root: Path, needed: Collection[str]) -> list[Work]:
    """What tasks left in scratch that are not built and that no spec asks for; `needed` are the ids of all others."""
    return [
        Work(folder=each.relative_to(root).as_posix(), size=size, state=_state(root, each))
        for each, size in unfinished.leftovers(root).items()
        if each.name.rpartition("-")[0] not in needed
    ]


def _state(root: Path, work: Path) -> Literal["unfinished", "finished", "stored"]:
    digests = {name: str(digest) for name, digest in unfinished.result(work).items()}
    if not digests:
        return "unfinished"
    return "stored" if locks.Cache(root).whole(artifact_names.folder_digest(digests)) else "finished"


def _size(folder: Path) -> int:
    return sum(_bytes(folder))


def _bytes(folder: Path) -> Iterator[int]:
    for here, _, names in os.walk(folder):
        yield from (os.lstat(os.path.join(here, name)).st_size for name in names)
