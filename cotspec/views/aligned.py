"""Tables as aligned text. One that is wider than the terminal is folded: a row becomes several lines."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from functools import partial

from cotspec.views.paint import Paint

Row = Sequence[str]
Styles = Callable[[Row, Row], Sequence[str]]
"""The head and a row → a style of rich for each of its cells."""

_GAP = "  "


def aligned(rows: Sequence[Row], styles: Styles, paint: Paint, width: int | None = None, *, second: str = "") -> str:
    """The head first, which is bold. With a `width`, that of a terminal, empty columns are left out; where lines do not
    fit into it the first cell of a row has a line of its own, and the others stand below it, from the column `second`
    on in another line, where that takes two."""
    head = rows[0]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines, groups = [], _groups(rows, widths, width, second)
    for row in rows:
        own = ["bold"] * len(row) if row is head else styles(head, row)
        for number, group in enumerate(groups):
            line = _line([row[at] for at in group], [widths[at] for at in group], [own[at] for at in group], paint)
            if line or not number:
                lines.append(f"{_GAP if number else ''}{line}\n")
    return "".join(lines)


def _groups(rows: Sequence[Row], widths: Sequence[int], width: int | None, second: str) -> list[list[int]]:
    """The columns of each line."""
    every = list(range(len(widths)))
    if width is None:
        return [every]
    first, *rest = (at for at in every if not at or any(row[at] for row in rows[1:]))
    if _length([widths[at] for at in (first, *rest)]) <= width:
        return [[first, *rest]]
    if _length([0, *(widths[at] for at in rest)]) <= width or second not in rows[0]:
        return [[first], rest]
    start = rows[0].index(second)
    return [[first], [at for at in rest if at < start], [at for at in rest if at >= start]]


def _length(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _line(cells: Row, widths: Sequence[int], styles: Sequence[str], paint: Paint) -> str:
    """Without what is empty at its end."""
    ends = max((at for at, cell in enumerate(cells) if cell), default=-1) + 1
    shown = [cell.ljust(wide) for cell, wide in zip(cells[:ends], widths, strict=False)]
    return _GAP.join(map(paint, [*shown[:-1], *(cell.rstrip() for cell in shown[-1:])], styles))


def wrapped(text: str, width: int | None, *, hanging: str = "") -> str:
    """Lines that fit into `width` columns, broken between words where that can be; `hanging` begins what goes on."""
    if width is None:
        return text
    fill = partial(textwrap.fill, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)
    return "\n".join(fill(line, max(width, 40)) for line in text.splitlines())
