"""Reading and writing single files of a project, and the lock that lets one build write at a time."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from cotspec.files import regular

SCRATCH: Final = ".cotspec"
"""Nobody commits this folder: it has a .gitignore of its own."""
_TEMPORARY: Final = "build.tmp"
_LARGEST: Final = 100_000_000
"""Bytes; a payload holds a prompt and a reward, the manifest a line per file."""


class WorkspaceError(RuntimeError):
    """The project is in a state in which nothing may be written; the message says what to do."""


def read(root: Path, path: str) -> bytes | None:
    """The content, or None when there is no such file. Folders on the way are followed: see `refuse_links`."""
    target = root / path
    try:
        if target.is_symlink():
            return b""  # never what is planned: the link itself is replaced, what it points to is left alone
        return regular.content(target, most=_LARGEST) if target.exists() else None
    except OSError as error:
        why = "it is a folder" if os.path.isdir(target) else error.strerror
        raise WorkspaceError(f"{path} cannot be read: {why}, and cotspec writes a file there: move it away") from error


def refuse_links(root: Path, paths: Iterable[str]) -> None:
    """No folder on the way to a file is a link. Looked at folder by folder: there are five files in each."""
    top = os.path.realpath(root)
    for folder, path in {os.path.dirname(path): path for path in paths}.items():
        if os.path.realpath(root / folder) != os.path.normpath(f"{top}/{folder}"):
            raise WorkspaceError(f"{path} goes through a symbolic link: remove the link, or build where it leads")


def replace(root: Path, path: str, content: bytes) -> None:
    """Write through a temporary file, so that nobody sees half of one; a symbolic link is replaced, not followed.

    Needs the build lock: there is one temporary file, where a build that is killed leaves nothing in anybody's way.
    """
    target, temporary = root / path, root / SCRATCH / _TEMPORARY
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        temporary.write_bytes(content)
        temporary.replace(target)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        what = f"make room on the disk of {root}" if full else "mend that"
        raise WorkspaceError(f"{path} cannot be written: {error.strerror}; {what} and build again") from error


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the project's build lock; the kernel drops it when the process ends, however it ends."""
    import fcntl

    folder = root / SCRATCH
    try:
        if folder.is_symlink():
            raise WorkspaceError(f"{SCRATCH} is a symbolic link, and a build writes there: remove it")
        folder.mkdir(exist_ok=True)
        ignore = folder / ".gitignore"
        if not os.path.lexists(ignore):
            ignore.write_text("*\n", encoding="utf-8")  # nobody commits this folder, whatever the project ignores
        descriptor = os.open(folder / "build.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise WorkspaceError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise WorkspaceError("another `cotspec build` is running in this project: wait for it to end") from error
    try:
        yield
    finally:
        os.close(descriptor)
