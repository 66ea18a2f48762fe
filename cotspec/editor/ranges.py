"""Between places as findings have them (lines and characters from 1) and as an editor counts (from 0, characters in the
units it asked for, mostly UTF-16). Knows no protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cotspec.diagnostics import Span

Spot = tuple[int, int]
"""Line and character, as an editor counts."""


def lines_of(text: str) -> list[str]:
    """The lines of a text. An editor ends one at `\\r\\n`, `\\n` or `\\r`, as the front end does, and nowhere else."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


class Lines(NamedTuple):
    """The text of a file, and how many units its editor counts for a piece of it."""

    lines: Sequence[str]
    units: Callable[[str], int]

    def spots(self, span: Span) -> tuple[Spot, Spot]:
        """Where a span begins and ends."""
        return self._spot(span.line, span.column), self._spot(span.end_line, span.end_column)

    def column(self, line: int, character: int) -> int:
        """The character of a line, from 0, that an editor means; the last place of the line for one beyond it."""
        written, seen = self.line(line), 0
        for at, each in enumerate(written):
            if seen >= character:
                return at
            seen += self.units(each)
        return len(written)

    def line(self, number: int) -> str:
        """A line, counted from 0; "" for one that is not there."""
        return self.lines[number] if 0 <= number < len(self.lines) else ""

    def character(self, line: int, column: int) -> int:
        """What an editor counts up to a character of a line, both from 0."""
        return self.units(self.line(line)[:column])

    def _spot(self, line: int, column: int) -> Spot:
        return line - 1, self.character(line - 1, column - 1)
