"""Files that may be anything: results of earlier runs, what DVC wrote, a machine's own settings.

Who sends a project can put a pipe, which is never read to its end, in the place of any of them. Links are followed:
DVC can keep results as links into its cache, which may lie elsewhere.
"""

from __future__ import annotations

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
        raise OSError(f"{path} is no regular file")
    return os.fdopen(descriptor, "rb")


def content(path: Path) -> bytes:
    """All of a regular file. Raises OSError, also when it is larger than what is read whole."""
    with opened(path) as file:
        read = file.read(LARGEST + 1)
    if len(read) > LARGEST:
        raise OSError(f"{path} has more than {LARGEST:,} bytes")
    return read
