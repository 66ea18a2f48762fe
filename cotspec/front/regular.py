"""Files that may be anything: specs and prompts, results of earlier runs, what DVC wrote, a machine's own settings.

Who sends a project can put a pipe, which is never read to its end, in the place of any of them. Links are followed:
DVC can keep results as links into its cache, which may lie elsewhere.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

LARGEST: Final = 1 << 30
"""Bytes of a file that is read whole."""


def opened(path: Path) -> BinaryIO:
    """Open a regular file for reading. Raises OSError for everything else, without waiting."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))
    return os.fdopen(descriptor, "rb")


def content(path: Path, *, most: int = LARGEST) -> bytes:
    """All of a regular file. Raises OSError, also when it is larger than what is read whole."""
    with opened(path) as file:
        read = file.read(most + 1)
    if len(read) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", os.fspath(path))
    return read
