"""Work in progress, and what an interrupted run left to go on from: the scratch folders of the runtime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cotspec.files import regular

_SCRATCH: Final = ".cotspec/scratch"


def _works(root: Path) -> Iterator[tuple[str, Path]]:
    """Every scratch folder with the id of its task; its name is the id and a digest of the inputs."""
    for work in sorted((root / _SCRATCH).glob("*")):
        yield work.name.rpartition("-")[0], work


def running(root: Path) -> frozenset[str]:
    """Ids of the tasks that a process is working on: their scratch names one that is alive and is a task's."""
    return frozenset(id for id, work in _works(root) if _at_work(work / "lock"))


def _at_work(lock: Path) -> bool:
    try:
        pid = int(regular.content(lock))
        return b"cotspec.runtime" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False


def left(root: Path) -> dict[str, str]:
    """What interrupted runs left that the next ones go on from, in words, by task id."""
    return {id: told for id, work in _works(root) if (told := _left(work))}


def _left(work: Path) -> str:
    if (work / "kept.json").is_file():
        return "its finished result was not recorded, and is taken"
    if any(True for _ in work.glob("trainer/checkpoint-*/complete")):
        return "an interrupted run left a checkpoint"
    if any(path.stat().st_size for path in work.glob("partial*.jsonl")):
        return "an interrupted run left finished batches"
    return ""
