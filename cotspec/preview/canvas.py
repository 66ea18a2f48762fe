"""Text in styles, cut into lines that fit. Knows terminals and characters; not what a text means.

Colour only ever adds: without its escape sequences a coloured page is, byte for byte, the plain one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import Final, Literal, NamedTuple
from unicodedata import category, east_asian_width

Style = Literal[
    "plain", "title", "dim", "good", "bad", "careful",
    "preamble", "thinking", "step", "answer", "hidden", "sealed", "loss", "no-loss",
]  # fmt: skip
_CODES: Final = MappingProxyType(
    {
        "plain": "",
        "title": "1",
        "dim": "2",
        "good": "32",
        "bad": "1;31",
        "careful": "33",
        "preamble": "2",
        "thinking": "36",
        "step": "",
        "answer": "1;34",
        "hidden": "30;43",
        "sealed": "30;45",
        "loss": "32",
        "no-loss": "2",
    }
)
LABEL: Final = 9
"""Width of the margin's label."""


class Run(NamedTuple):
    """Characters of one style."""

    text: str
    style: Style = "plain"


class Mark(NamedTuple):
    """A span shown in a style of its own, between two signs that also stand without colour."""

    start: int
    end: int
    style: Style
    opens: str
    closes: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a block: what stands in the margin, and the text beside it."""

    runs: Sequence[Run]
    label: str = ""
    style: Style = "dim"
    """Of the label."""
    sign: str = " "
    """One character before the label."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """How wide, in colour or not, and whether long thoughts are shown whole."""

    width: int = 100
    colour: bool = False
    whole: bool = False

    def line(self, *runs: Run) -> str:
        """Runs as one line, however long."""
        return "".join(map(self._paint, _trimmed(list(_joined(runs)))))

    def block(self, rows: Iterable[Row]) -> Iterator[str]:
        """Rows behind a margin; a line too long for the page goes on behind a dotted margin."""
        for row in rows:
            for at, part in enumerate(wrapped(row.runs, self.width - LABEL - 7)):
                label, bar = (row.label, "│") if at == 0 else ("", "┊")
                margin = (Run(f" {row.sign} "), Run(f"{label:>{LABEL}}", row.style), Run(f" {bar} ", "dim"))
                yield self.line(*margin, *part)

    def paragraph(self, runs: Sequence[Run], *, indent: int = 2) -> Iterator[str]:
        """Runs in lines that fit, all indented."""
        for part in wrapped(runs, self.width - indent):
            yield self.line(Run(" " * indent), *part)

    def _paint(self, run: Run) -> str:
        code = _CODES[run.style]
        return f"\x1b[{code}m{run.text}\x1b[0m" if self.colour and code and run.text.strip() else run.text


def lines(text: str, *, start: int, end: int, marks: Iterable[Mark], style: Style) -> Iterator[list[Run]]:
    """The lines of text[start:end], with marks (sorted, not overlapping); a mark is closed at a line's end and opened
    again, so that each line tells all about itself."""
    kept = [mark for mark in marks if mark.end > start and mark.start < end]
    if text[start:end].endswith("\n"):
        end -= 1
    at = start
    while at <= end:
        stop = text.find("\n", at, end)
        stop = end if stop < 0 else stop
        yield list(_line(text, at, stop, kept, style))
        at = stop + 1


def _line(text: str, start: int, end: int, marks: Sequence[Mark], style: Style) -> Iterator[Run]:
    at = start
    for mark in marks:
        first, last = max(mark.start, at), min(mark.end, end)
        if first < last and text[first:last].strip():
            yield Run(visible(text[at:first]), style)
            yield Run(f"{mark.opens}{visible(text[first:last])}{mark.closes}", mark.style)
            at = last
    yield Run(visible(text[at:end]), style)


def visible(text: str) -> str:
    """`text` with everything that could steer a terminal, or turn the order of its characters, made a sign."""
    return "".join(map(_visible, text.expandtabs(4)))


def _visible(char: str) -> str:
    if char.isprintable() or char == "\n":
        return char
    if char < " ":
        return chr(0x2400 + ord(char))
    match category(char):
        case "Zs":
            return " "
        case "Cf" if not _TURNS.match(char):  # joiners and soft hyphens are part of words
            return char
        case _:
            return "\N{REPLACEMENT CHARACTER}"


_TURNS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def wrapped(runs: Sequence[Run], width: int) -> Iterator[list[Run]]:
    """Runs in lines of at most `width` columns, broken at spaces where there are any; at least one line."""
    chars = [(char, run.style) for run in runs for char in run.text]
    at = 0
    while True:
        end = _break(chars, at, max(width, 8))
        yield [Run(char, style) for char, style in chars[at:end]]
        while end < len(chars) and chars[end][0] == " ":
            end += 1
        at = end
        if at >= len(chars):
            return


def _break(chars: Sequence[tuple[str, Style]], start: int, width: int) -> int:
    """Where the line that begins at `start` ends."""
    used = 0
    for at in range(start, len(chars)):
        used += columns(chars[at][0])
        if used > width:
            space = next((i for i in range(at, (start + at) // 2, -1) if chars[i][0] == " "), 0)
            return space or max(at, start + 1)
    return len(chars)


def columns(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(0 if category(c) in ("Mn", "Me", "Cf") else 1 + (east_asian_width(c) in "WF") for c in text)


def _trimmed(runs: list[Run]) -> list[Run]:
    """Runs without the blanks at the end of the line."""
    while runs and not (last := runs.pop()).text.isspace():
        if text := last.text.rstrip():
            return [*runs, Run(text, last.style)]
    return _trimmed(runs) if runs else runs


def _joined(runs: Iterable[Run]) -> Iterator[Run]:
    """Neighbours of one style as one run."""
    for style, group in groupby(runs, key=lambda run: run.style):
        yield Run("".join(run.text for run in group), style)
