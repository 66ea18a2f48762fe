"""One `cotspec run` or `submit` at a time in a project: the second says who is at work, and waits or stops."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cotspec.cli.errors import ProblemError

_LOCK: Final = ".cotspec/run.lock"


@contextmanager
def held(root: Path, *, wait: bool) -> Iterator[None]:
    """Hold the project's run lock, which the kernel drops when this process ends, however it ends.

    Raises ProblemError when another process holds it and `wait` is false, or when no file can be written.
    """
    path = root / _LOCK
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise ProblemError(f"{_LOCK} cannot be written: {error.strerror}") from error
    try:
        _take(descriptor, wait=wait)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, *, wait: bool) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        told = f"another `cotspec run` (pid {holder or 'unknown'}) is at work in this project"
        if not wait:
            raise ProblemError(told) from None
        print(f"{told}: waiting for it to end (--no-wait stops instead)", file=sys.stderr, flush=True)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
