"""The bytes of a data file: unpacked, metered, a line or a block at a time. Knows nothing of formats."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable
from io import BufferedReader
from typing import Final, NamedTuple

LONGEST_ROW: Final = 16 * 2**20
"""Bytes of a row; a longer one is no question that anybody asks."""
BLOCK: Final = 2**16
"""Bytes that are read at a time."""
_BOM: Final = b"\xef\xbb\xbf"
_GZIP: Final = b"\x1f\x8b"
BLANK: Final = 64
"""Bytes that a blank line counts for: it takes as long as a row."""
_UNPACKED: Final = 2**30
_RATIO: Final = 200
"""A gzip file of more than so many bytes, unpacked, has no more than this for each of its own: text has three to
twenty, zeros have a thousand."""


class TableError(ValueError):
    """What is named holds no rows that can be read; the message completes `<name>: …`."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice
        """What to do, where that is known."""


class Bad(NamedTuple):
    """A row that cannot be read."""

    message: str
    ends: bool = False
    """Whether nothing behind it can be read, either."""
    advice: str = ""
    """What to do, where that is known."""


class Meter:
    """How much is read: rows that begin after `most` bytes are left, and nobody knows of them."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._read = 0
        self.short = False
        """Whether reading stopped before the end."""

    def count(self, size: int) -> None:
        """Note that so many bytes were read."""
        self._read += size

    def stops(self) -> bool:
        """Whether no other row is begun."""
        return self._most is not None and self._read >= self._most


class ByteSource:
    """The bytes of an open file, unpacked, without the mark that Windows puts before UTF-8."""

    def __init__(self, file: BufferedReader, *, packed: bool, meter: Meter) -> None:
        self._size = max(1, os.fstat(file.fileno()).st_size)
        self._start = file.peek(len(_GZIP))[: len(_GZIP)]
        self._file: BufferedReader | gzip.GzipFile = gzip.GzipFile(fileobj=file) if packed else file
        self._packed, self._done = packed, 0
        self._begun, self._at = b"", 0
        self.meter = meter
        self.number = 1
        """The line that is read."""

    def begin(self) -> None:
        """Read the first bytes. Raises TableError, like all that reads."""
        if self._packed and self._start not in (b"", _GZIP):
            raise TableError("it is not compressed by gzip, as its name says", "take `.gz` off its name")
        self._begun = self._read(self._file.read, BLOCK, counted=False).removeprefix(_BOM)

    def peek(self) -> bytes:
        """The first bytes."""
        return self._begun

    def block(self, size: int) -> bytes:
        """Some of the next bytes, at most so many; none at the end."""
        return self._take(size) or self._read(self._file.read, size)

    def line(self) -> bytes:
        """The next line with its end, or, of one that is longer than a row may be, what shows it; none at the end."""
        if self._at == len(self._begun):
            return self._read(self._file.readline, LONGEST_ROW + 1)
        end = self._begun.find(b"\n", self._at) + 1
        begun = self._take(end - self._at if end else len(self._begun))
        if end:
            return begun
        return begun + self._read(self._file.readline, LONGEST_ROW + 1 - len(begun))

    def _take(self, size: int) -> bytes:
        taken = self._begun[self._at : self._at + size]
        self._at += len(taken)
        self.meter.count(len(taken))
        return taken

    def left(self) -> bool:
        """Whether anything but blanks is left; some of it is read."""
        while block := self.block(BLOCK):
            if block.strip():
                return True
            if self.meter.stops():
                return True
        return False

    def _read(self, read: Callable[[int], bytes], size: int, *, counted: bool = True) -> bytes:
        if not self._packed:
            block = read(size)
        else:
            try:
                block = read(size)
            except (EOFError, zlib.error, OSError) as error:
                message = f"gzip cannot unpack it, since it is cut off or damaged ({error})"
                raise TableError(message, "copy or download it again") from error
        self._done += len(block)
        if counted:
            self.meter.count(len(block))
        if self._packed and self._done > _UNPACKED and self._done > _RATIO * self._size:
            raise TableError(f"it unpacks to more than {_RATIO} times its size, as no text does")
        return block


def stopped(source: ByteSource) -> bool:
    """Whether no other row is begun, and whether one was left."""
    if not source.meter.stops():
        return False
    source.meter.short = source.meter.short or source.left()
    return True
