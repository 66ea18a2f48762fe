"""CSV and TSV in a data file → rows under its header; quotes are as in RFC 4180."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Final

from cotspec.files.unpacked import BLANK, LONGEST_ROW, Bad, ByteSource, TableError, stopped

_OTHERS: Final = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}


def records(source: ByteSource, delimiter: str) -> Iterator[tuple[int, list[str] | Bad]]:
    """The header, then each row, with the line at which it begins. Blank lines are none. Raises TableError."""
    csv.field_size_limit(LONGEST_ROW)
    text = _Text(source)
    rows = _records(csv.reader(text, delimiter=delimiter, strict=True), text)
    number, header = next(rows, (0, list[str]()))
    if number and not isinstance(header, Bad):
        _refuse_header(header, delimiter)
    if number:
        yield number, header
    yield from rows


def _records(reader: Iterator[list[str]], text: _Text) -> Iterator[tuple[int, list[str] | Bad]]:
    """Each row with the line at which it begins; blank lines are none."""
    while not stopped(text.source):
        text.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TableError(f"it cannot be cut into values: {_why(str(error))}") from error
        if row:
            yield text.source.number, text.bad or row
        else:
            text.source.meter.count(BLANK)


def _why(said: str) -> str:
    """The library's words, where there are no better ones."""
    if "unexpected end" in said:
        return "a quote is never closed"
    return "a carriage return ends a line without a line feed" if "new-line" in said else said


def _refuse_header(header: list[str], delimiter: str) -> None:
    other = next((sign for sign in _OTHERS if sign != delimiter and len(header) == 1 and sign in header[0]), "")
    if other:
        wanted = "name it .tsv" if other == "\t" else "name it .csv" if other == "," else "write it with commas"
        raise TableError(f"its columns seem to be separated by {_OTHERS[other]}, not {_OTHERS[delimiter]}", wanted)
    twice = next((name for name in header if name and header.count(name) > 1), "")
    if twice:
        raise TableError(f"its header names the column `{_cut(twice)}` twice", "give each column a name of its own")


class _Text:
    """The lines of a source as a reader of tables takes them."""

    def __init__(self, source: ByteSource) -> None:
        self.source = source
        self.bad: Bad | None = None
        """Why the lines since `begin` are no text."""
        self._next = 1
        self._size = 0

    def begin(self) -> None:
        """A row begins at the next line."""
        self.source.number, self._size, self.bad = self._next, 0, None

    def __iter__(self) -> _Text:
        return self

    def __next__(self) -> str:
        line = self.source.line()
        if not line:
            raise StopIteration
        self._size += max(len(line), BLANK)
        self._next += 1
        if self._size > LONGEST_ROW:
            raise TableError(f"a row is longer than {LONGEST_ROW:,} bytes; is a quote never closed?")
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as error:
            self.bad = self.bad or Bad(f"not UTF-8 (byte {error.start + 1})")
            return line.decode("utf-8", "replace")


def _cut(name: str) -> str:
    line = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in name[:41])
    return line if len(line) <= 40 else f"{line[:39]}…"
