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

_BLOCK = 1 << 20


def content_of(task: Task) -> str:
    """sha256 over the payload and every byte the task reads."""
    total = hashlib.sha256(task.payload.model_dump_json().encode())
    for name in sorted(task.payload.inputs):
        total.update(f"\n{name} {_content(task.input(name))}".encode())
    return total.hexdigest()


def folder_of(task: Task, content: str) -> Path:
    """`<root>/.cotspec/scratch/<id>-<12 hex of what `content_of` says>`."""
    return folder(task.root) / f"{task.payload.id}-{content[:12]}"


def folder(root: Path) -> Path:
    """Where all tasks of a project work."""
    return root / ".cotspec" / "scratch"


def _content(path: Path) -> str:
    """sha256 of a file, or of the names and contents of all files below a folder."""
    digest = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(f"\0{file.relative_to(path).as_posix()}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


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
        path.mkdir(parents=True, exist_ok=True)
        file = path / "lock"
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:  # the holder finished and removed the folder in between
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
