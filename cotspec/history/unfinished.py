"""Work in progress, and what an interrupted run left to go on from: the scratch folders of the runtime."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cotspec.files import plain, regular
from cotspec.history import locks
from cotspec.spec.payload import STOPPED_FILE

_MOST_WORDS: Final = 10_000
_SCRATCH: Final = ".cotspec/scratch"
_MOST_DIGITS: Final = 20
"""Of the number of a process."""


def _works(root: Path) -> Iterator[tuple[str, Path]]:
    """Every scratch folder with the id of its task; its name is the id and a digest of the inputs."""
    for work in regular.folders(root / _SCRATCH) if regular.inside(root / _SCRATCH, root) else ():
        yield work.name.rpartition("-")[0], work


def running(root: Path) -> frozenset[str]:
    """Ids of the tasks that a process is working on: their scratch names one that is alive and is a task's."""
    return frozenset(id for id, work in _works(root) if _at_work(work / "lock"))


def _at_work(lock: Path) -> bool:
    try:
        pid = int(regular.content(lock, most=_MOST_DIGITS))
        return b"cotspec.runtime" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False


def stopped(root: Path) -> dict[str, str]:
    """Why gates stopped their pipelines, in words, by task id."""
    found = ((id, _text(work / STOPPED_FILE, root)) for id, work in _works(root))
    return {id: text for id, text in found if text}


def _text(path: Path, root: Path) -> str:
    try:
        text = regular.content(path, most=_MOST_WORDS, within=(root,)).decode(errors="replace")
    except OSError:
        return ""
    return plain.sentence(text)


def left(root: Path) -> dict[str, str]:
    """What interrupted runs left that the next ones go on from, in words, by task id."""
    return {id: told for id, work in _works(root) if (told := _left(work))}


def _left(work: Path) -> str:
    if (work / "kept.json").is_file():
        return "its finished result was not recorded, and is taken"
    if any(os.path.isfile(folder / "complete") for folder in regular.folders(work / "trainer")):
        return "an interrupted run left a checkpoint"
    if any(os.path.isfile(path) and os.path.getsize(path) for path in work.glob("partial*.jsonl")):
        return "an interrupted run left finished batches"
    return ""


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
