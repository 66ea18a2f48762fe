"""One JSON list in a data file → its objects, one at a time. Bounded by the longest of them."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping
from typing import Final

from cotspec.files.unpacked import BLOCK, LONGEST_ROW, ByteSource, TableError

_WORD: Final = 16
"""Characters that the longest word of JSON is shorter than (`-Infinity`, an escaped pair): an error so far before the
end of what was read is none of what follows."""


def objects(source: ByteSource) -> Iterator[tuple[int, Mapping[str, object] | None]]:
    """Each object of the list, with the line at which it begins; None where something else stands."""
    text = _Json(source)
    text.skip()
    text.take("[")
    if text.skip() == "]":
        text.take("]")
    else:
        while True:
            text.skip()
            if source.meter.stops():
                source.meter.short = True
                return
            number = source.number
            value = text.value()
            yield number, value if isinstance(value, dict) else None
            if text.skip() != ",":
                break
            text.take(",")
        text.take("]")
    if text.skip():
        raise TableError("something follows the JSON list")


class _Json:
    """Text of which one value at a time is read."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at, self._ended = "", 0, False
        self._parse = json.JSONDecoder().raw_decode

    def skip(self) -> str:
        """The next sign that is no blank, which is not taken; "" at the end."""
        while True:
            here = self._at
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            self._source.number += self._text.count("\n", here, self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(BLOCK):
                return ""

    def take(self, sign: str) -> None:
        """Go over a sign. Raises TableError when another stands there."""
        next_sign = self.skip()
        if next_sign != sign:
            ends = f"the JSON list goes on with {next_sign!r}, not {sign!r}"
            raise TableError(ends if next_sign else "its JSON list has no end")
        self._at += 1

    def value(self) -> object:
        """The next value. Raises TableError."""
        while True:
            try:
                value, end = self._parse(self._text, self._at)
            except json.JSONDecodeError as error:
                size = len(self._text) - self._at
                if error.pos < len(self._text) - _WORD and not error.msg.startswith("Unterminated"):
                    raise TableError(f"not JSON ({error.msg})") from error
                if size > LONGEST_ROW:
                    raise TableError(f"not JSON ({error.msg}), or longer than {LONGEST_ROW:,} characters") from error
                if self._more(max(BLOCK, size)):
                    continue
                raise TableError(f"not JSON ({error.msg})") from error
            except RecursionError as error:
                raise TableError("nested too deeply") from error
            except ValueError as error:
                raise TableError("holds a number of more digits than can be read") from error
            if end == len(self._text) and not isinstance(value, dict | list) and self._more(BLOCK):
                continue  # a number may go on
            self._source.number += self._text.count("\n", self._at, end)
            self._at = end
            return value

    def _more(self, size: int) -> bool:
        """Read on; False at the end."""
        if self._ended:
            return False
        block = self._source.block(size)
        self._ended = not block
        try:
            text = self._decoder.decode(block, final=self._ended)
        except UnicodeDecodeError as error:
            raise TableError(f"not UTF-8 (byte {error.object[error.start]:#04x})") from error
        self._text, self._at = self._text[self._at :] + text, 0
        return bool(text) or not self._ended
