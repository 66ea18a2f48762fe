"""Text in styles, cut into lines that fit: rich's texts, behind our own margin. Does not know what a text means.

Colour only ever adds: without its escape sequences a coloured page is, byte for byte, the plain one.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NamedTuple

from rich.console import Console
from rich.text import Text
from rich.theme import Theme

from cotspec.files.visible import visible

Style = Literal[
    "plain", "title", "dim", "good", "bad", "careful",
    "preamble", "thinking", "step", "answer", "hidden", "leak", "loss", "no-loss",
]  # fmt: skip
_THEME: Final = Theme(
    {
        "plain": "",
        "title": "bold",
        "dim": "dim",
        "good": "green",
        "bad": "bold red",
        "careful": "yellow",
        "preamble": "dim",
        "thinking": "cyan",
        "step": "",
        "answer": "bold blue",
        "hidden": "black on yellow",
        "leak": "black on magenta",
        "loss": "green",
        "no-loss": "dim",
    },
    inherit=False,
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
    """Style of the label."""
    sign: str = " "
    """One character before the label."""


@dataclass(frozen=True)
class Canvas:
    """How wide, in colour or not, and whether long thoughts are shown whole."""

    width: int = 100
    colour: bool = False
    whole: bool = False

    def line(self, *runs: Run) -> str:
        """Runs as one line, however long."""
        return self._painted(Text.assemble(*runs))

    def block(self, rows: Iterable[Row]) -> Iterator[str]:
        """Rows behind a margin; a line too long for the page goes on behind a dotted margin."""
        for row in rows:
            for at, part in enumerate(self.wrapped(row.runs, self.width - LABEL - 7)):
                label, bar = (row.label, "│") if at == 0 else ("", "┊")
                margin = (f" {row.sign} ", (f"{label:>{LABEL}}", row.style), (f" {bar} ", "dim"))
                yield self._painted(Text.assemble(*margin, part))

    def paragraph(self, runs: Sequence[Run], *, indent: int = 2) -> Iterator[str]:
        """Runs in lines that fit, all indented."""
        for part in self.wrapped(runs, self.width - indent):
            yield self._painted(Text.assemble(" " * indent, part))

    def wrapped(self, runs: Sequence[Run], width: int) -> Iterable[Text]:
        """Runs in lines of at most `width` columns, broken at spaces where there are any; at least one line."""
        return Text.assemble(*runs).wrap(self._console, max(width, 8), overflow="fold")

    def _painted(self, line: Text) -> str:
        line.rstrip()
        with self._console.capture() as captured:
            self._console.print(line, end="", soft_wrap=True)
        return captured.get()

    @cached_property
    def _console(self) -> Console:
        """Paints only: whether there is colour is for who makes the canvas to decide, not for rich."""
        return Console(
            file=io.StringIO(),
            color_system="standard" if self.colour else None,
            force_terminal=self.colour,
            no_color=False,
            legacy_windows=False,
            theme=_THEME,
            highlight=False,
            emoji=False,
            markup=False,
        )


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
