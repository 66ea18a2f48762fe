"""Work in progress and what it left: the scratch folders of the runtime, named for a task and its inputs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

from cotspec.files import plain, regular
from cotspec.history import locks
from cotspec.spec.payload import STOPPED_FILE

_SCRATCH: Final = ".cotspec/scratch"
_KEPT: Final = "kept.json"
_MOST_DIGITS: Final = 20
"""Most digits of a process id."""
_MOST_WORDS: Final = 10_000
"""Bytes of why a gate did not pass."""


class ScratchState(NamedTuple):
    """What an earlier run left in a scratch folder."""

    state: Literal["resume", "failed gate"]
    reason: str


def _works(root: Path) -> Iterator[tuple[str, Path]]:
    """Every scratch folder with the id of its task; its name is the id and a digest of the inputs."""
    for work in regular.folders(root / _SCRATCH) if regular.inside(root / _SCRATCH, root) else ():
        yield work.name.rpartition("-")[0], work


def running(root: Path) -> frozenset[str]:
    """Ids of the tasks that a process is working on: their scratch names one that is alive and is a task's."""
    return frozenset(id for id, work in _works(root) if _at_work(work / "lock", root))


def _at_work(lock: Path, root: Path) -> bool:
    try:
        pid = int(regular.content(lock, most=_MOST_DIGITS, within=(root,)))
        return b"cotspec.runtime" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False


def scratch_states(root: Path) -> dict[str, ScratchState]:
    """What earlier runs left that the next ones go on from or meet again, by the name of the scratch folder."""
    return {work.name: state for _, work in _works(root) if (state := _state(work))}


def _state(work: Path) -> ScratchState | None:
    if (work / _KEPT).is_file():
        return ScratchState("resume", "its finished result was not recorded, and is taken")
    if why := _stopped(work):
        return ScratchState("failed gate", why)
    if any(os.path.isfile(folder / "complete") for folder in regular.folders(work / "trainer")):
        return ScratchState("resume", "an interrupted run left a checkpoint")
    batches = (path for name in ("partial.jsonl", "valid-*.jsonl") for path in work.glob(name))
    if any(os.path.isfile(path) and os.path.getsize(path) for path in batches):
        return ScratchState("resume", "an interrupted run left finished batches")
    return None


def _stopped(work: Path) -> str:
    """Why a gate did not pass; "" where none was asked."""
    try:
        text = regular.content(work / STOPPED_FILE, most=_MOST_WORDS, within=(work,)).decode(errors="replace")
    except OSError:
        return ""
    return plain.sentence(text)


def result(work: Path) -> Mapping[str, object]:
    """md5 by path of the finished result that a scratch folder keeps; empty where there is none."""
    return plain.json_object(work / _KEPT, within=(work,))


def leftovers(root: Path) -> dict[Path, int]:
    """Bytes by folder of the work of tasks that are not built any more, and that nobody is at."""
    kept = running(root) | _built(root)
    return {work: _size(work) for id, work in _works(root) if id not in kept}


def _built(root: Path) -> set[str]:
    """Ids of the tasks that are built: what their payloads say."""
    payloads = (plain.json_object(root / folder / "payload.json", within=(root,)) for folder in locks.folders(root))
    return {str(payload["id"]) for payload in payloads if "id" in payload}


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))
