"""The folder a task works in, kept between a kill and the next run, and the move of its result into out/.

The folder's name is the task's id and a hash of the *content* of its inputs, so that after a kill and a change of data
nothing is resumed from the old data. An exclusive lock keeps a second process out.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cotspec.runtime.errors import TaskError
from cotspec.runtime.task import Task, rank
from cotspec.spec.artifact_names import PAYLOAD, folder_digest, scratch_name


def folder_of(task: Task) -> Path:
    """Where a task works on its inputs as they are now, every byte of which is read to say so."""
    reads = {PAYLOAD: digest(task.folder / PAYLOAD)}
    reads |= {given.path: digest(task.input(role)) for role, given in task.payload.inputs.items()}
    return folder(task.root) / scratch_name(task.payload.id, reads)


def folder(root: Path) -> Path:
    """Where all tasks of a project work."""
    return root / ".cotspec" / "scratch"


def digest(path: Path) -> str:
    """DVC's hash of a file, or of a folder."""
    if path.is_dir():
        return folder_digest(digests(path))
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """The md5 of every file below a folder, by path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest(path) for path in files}


@contextmanager
def locked(path: Path) -> Iterator[Path]:
    """The scratch folder, held by this process alone. Raises TaskError when another process works there."""
    if rank() != 0:  # the launch's first process holds the lock for all of them
        path.mkdir(parents=True, exist_ok=True)
        yield path
        return
    descriptor = _take(path)
    try:
        yield path
    finally:
        os.close(descriptor)


def _take(path: Path) -> int:
    while True:
        file = path / "lock"
        try:
            path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:  # the holder finished and removed the folder in between
            continue
        except FileExistsError:  # it did so while mkdir looked whether what is there is a folder
            if path.exists() and not path.is_dir():
                raise
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 20, 0).decode().strip() or "unknown"
            os.close(descriptor)
            raise TaskError(
                f"another process (pid {holder}) is working on this task in {path.name}: wait for it or stop it"
            ) from error
        if _is_current(file, descriptor):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            return descriptor
        os.close(descriptor)


def _is_current(file: Path, descriptor: int) -> bool:
    """Whether the locked file is still the one under that name (its folder may have been removed meanwhile)."""
    try:
        return file.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def fresh(path: Path) -> Path:
    """An empty folder at `path`; what was there is removed."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path
