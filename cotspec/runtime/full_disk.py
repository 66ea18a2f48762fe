"""A write that failed because a disk or a quota is full, in words: which folder, and what to do.

Python says so by errno; safetensors and torch have errors of their own, some of which do not name the reason.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_WRAPPED: Final = re.compile(
    "|".join(("StorageFull", "PytorchStreamWriter", "inline_container", "iostream", *map(os.strerror, _FULL)))
)
"""What such errors say. The streams that torch writes through fail for no other reason."""
_NO_ROOM: Final = 1 << 20
"""Bytes: on a disk with less, any error is taken for one of a write that failed."""


def told(error: BaseException, work: Path) -> str:
    """The sentence for a person when a full disk is behind an error; else "". `work` is where the task writes."""
    if not any(_is_full(each) for each in _chain(error)) and _free(work) > _NO_ROOM:
        return ""
    return (
        f"{work} cannot be written: its disk, or what you may use of it, is full ({_free(work) / 1e6:,.0f} MB free). "
        "Make room and run the same command again: it goes on from what is whole"
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it."""
    while True:
        yield error
        before = error.__cause__ or error.__context__
        if before is None:
            return
        error = before


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return not isinstance(error, OSError) and _WRAPPED.search(str(error)) is not None


def _free(place: Path) -> int:
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
