"""Charts as inline SVG: figures with their intervals, and lines over the steps of a run. Knows numbers and labels.

What is not known is not drawn: a line ends before it and goes on after it. How things look is in page.css.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import TYPE_CHECKING, Final, NamedTuple

from cotspec.page.figures import power
from cotspec.page.safe_text import seen

if TYPE_CHECKING:
    from markupsafe import Markup

COLOURS: Final = 8
"""Classes `c0`, `c1`, … of page.css."""
MOST_POINTS: Final = 240
"""Points of a line; of more steps each point is the mean of several."""
_MANY: Final = 40
"""Points from which on a noisy line has a running mean, over a tenth of them."""
_HIDES: Final = 6.0
"""Pixels between two figures of which one would lie over the other."""
_LEFT: Final = 46
"""Pixels on the left of a drawing, at least."""
_CHARACTER: Final = 6.7
"""Pixels of a digit beside an axis, about."""
_DECIMALS: Final = 5
"""Of a tick; one with more is written with a power of ten where it is small."""
_SMALL: Final = 1e-3
_POWERS: Final = 1e7
"""From here on a tick is written with a power of ten."""
_LARGEST: Final = 1e15
_SMALLEST: Final = 1e-30
Point = tuple[float, float]


class Series(NamedTuple):
    """A line."""

    name: str
    points: Sequence[Point]
    """In the order of x."""


class Mark(NamedTuple):
    """A figure in a plane, with its intervals."""

    number: int
    name: str
    x: float
    y: float
    x_range: tuple[float, float] | None
    y_range: tuple[float, float] | None


class _Frame(NamedTuple):
    """Where a chart draws: a plane of numbers on a plane of pixels."""

    width: int
    height: int
    x: tuple[float, float]
    y: tuple[float, float]
    left: int = _LEFT
    right: int = 12
    top: int = 10
    bottom: int = 26

    def at(self, x: float, y: float) -> Point:
        inner_x, inner_y = self.width - self.left - self.right, self.height - self.top - self.bottom
        return (
            round(self.left + inner_x * (x - self.x[0]) / (self.x[1] - self.x[0]), 1),
            round(self.top + inner_y * (self.y[1] - y) / (self.y[1] - self.y[0]), 1),
        )


def lines(series: Sequence[Series], *, title: str, percent: bool = False, noisy: bool = True) -> Markup:
    """Lines over steps; nothing where there is no point. Many points that are `noisy` are drawn faintly, below their
    running mean."""
    drawn = [(at % COLOURS, thinned(each.points)) for at, each in enumerate(series)]
    points = [point for _, thin in drawn for point in thin]
    if not points:
        return _markup("")
    y_range = _wide([y for _, y in points], floor=percent)
    frame = _Frame(330, 170, _wide([x for x, _ in points]), y_range, left=_margin(y_range, percent=percent))
    parts = [*_grid(frame, percent=percent)]
    parts.append(f'<text class="tick end" x="{frame.left - 5}" y="{frame.height - frame.bottom + 15}">step</text>')
    for colour, thin in drawn:
        for piece in pieces(thin):
            if len(piece) == 1:
                x, y = frame.at(*piece[0])
                parts.append(f'<circle class="dot c{colour}" cx="{x}" cy="{y}" r="2"/>')
            elif noisy and len(thin) >= _MANY:
                parts.append(_line(frame, piece, f"raw c{colour}"))
                parts.append(_line(frame, running_mean(piece, len(thin) // 20), f"c{colour}"))
            else:
                parts.append(_line(frame, piece, f"c{colour}"))
    return _svg(frame, title, parts)


def _line(frame: _Frame, points: Sequence[Point], look: str) -> str:
    places = " ".join(f"{x},{y}" for x, y in (frame.at(*point) for point in points))
    return f'<polyline class="line {look}" points="{places}"/>'


def plane(marks: Sequence[Mark], *, title: str, x: str, y: str) -> Markup:
    """Numbered figures with their intervals: `y` is a share. A line joins those that no other one beats: no other is
    both further up and further left. What no scale holds is not there."""
    marks = [mark for mark in marks if all(abs(value) < _LARGEST for value in _values(mark))]
    if not marks:
        return _markup("")
    xs = [value for mark in marks for value in (mark.x, *(mark.x_range or ()))]
    ys = [value for mark in marks for value in (mark.y, *(mark.y_range or ()))]
    frame = _Frame(460, 330, _wide(xs), _wide(ys), left=52, bottom=44, top=26)
    parts = [*_grid(frame, percent=True)]
    best = [frame.at(mark.x, mark.y) for mark in frontier(marks)]
    if len(best) > 1:
        parts.append(f'<polyline class="frontier" points="{" ".join(f"{px},{py}" for px, py in best)}"/>')
    for mark in marks:
        colour, (px, py) = (mark.number - 1) % COLOURS, frame.at(mark.x, mark.y)
        if mark.y_range is not None:
            low, high = (frame.at(mark.x, value)[1] for value in mark.y_range)
            parts.append(f'<path class="whisker c{colour}" d="M{px} {low}V{high}M{px - 4} {low}h8M{px - 4} {high}h8"/>')
        if mark.x_range is not None:
            low, high = (frame.at(value, mark.y)[0] for value in mark.x_range)
            parts.append(f'<path class="whisker c{colour}" d="M{low} {py}H{high}M{low} {py - 4}v8M{high} {py - 4}v8"/>')
    for (px, py), group in _together(marks, frame):
        name = f"<title>{_escaped('; '.join(f'{mark.number}: {mark.name}' for mark in group))}</title>"
        numbers = " ".join(str(mark.number) for mark in group)
        half = max(8.0, 3.4 * len(numbers) + 4)
        shape = f'x="{px - half:.1f}" y="{py - 8:.1f}" width="{2 * half:.1f}" height="16" rx="8"'
        parts.append(f'<rect class="mark c{(group[0].number - 1) % COLOURS}" {shape}>{name}</rect>')
        parts.append(f'<text class="inside" x="{px}" y="{py + 3.6:.1f}">{numbers}</text>')
    parts.append(f'<text class="axis" x="{frame.width - frame.right}" y="{frame.height - 8}">{_escaped(x)} →</text>')
    parts.append(f'<text class="tick start" x="4" y="14">↑ {_escaped(y)}</text>')
    return _svg(frame, title, parts, look="plane")


def _together(marks: Sequence[Mark], frame: _Frame) -> list[tuple[Point, list[Mark]]]:
    """Places with their figures: those that would hide each other have one place."""
    groups: list[tuple[Point, list[Mark]]] = []
    for mark in marks:
        px, py = frame.at(mark.x, mark.y)
        near = (group for (x, y), group in groups if abs(x - px) < _HIDES and abs(y - py) < _HIDES)
        group = next(near, None)
        if group is None:
            groups.append(((px, py), [mark]))
        else:
            group.append(mark)
    return groups


def _values(mark: Mark) -> Iterator[float]:
    yield from (mark.x, mark.y, *(mark.x_range or ()), *(mark.y_range or ()))


class BarPart(NamedTuple):
    """A part of a bar."""

    name: str
    size: int
    look: str
    """`kept`, `lost` or `other`."""


def bar(parts: Sequence[BarPart], *, title: str) -> Markup:
    """Counts as parts of one bar; the words for them stand beside it."""
    parts = [part for part in parts if part.size > 0]
    whole = sum(part.size for part in parts)
    if not whole:
        return _markup("")
    drawn, x, seen_of = [], 0.0, {"kept": 0, "lost": 0, "other": 0}
    for part in parts:
        width = 1000 * part.size / whole
        shade = f"{part.look} s{seen_of[part.look] % 4}"
        seen_of[part.look] += 1
        words = _escaped(f"{part.name}: {part.size:,}")
        place = f'x="{x:.2f}" y="0" width="{width:.2f}" height="10"'
        drawn.append(f'<rect class="{shade}" {place}><title>{words}</title></rect>')
        x += width
    label = _escaped(title)
    head = '<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img"'
    return _markup(f'{head} aria-label="{label}">{"".join(drawn)}</svg>')


# --- what is drawn ----------------------------------------------------------------------------------------------------


def frontier(marks: Sequence[Mark]) -> list[Mark]:
    """The marks that no other mark beats, from left to right."""
    best: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.x, -mark.y)):
        if not best or mark.y > best[-1].y:
            best.append(mark)
    return best


def thinned(points: Sequence[Point]) -> list[Point]:
    """No more than MOST_POINTS: means of as many neighbours each. What no scale holds is not there."""
    known = [(x, y if abs(y) > _SMALLEST else 0.0) for x, y in points if abs(x) < _LARGEST and abs(y) < _LARGEST]
    size = math.ceil(len(known) / MOST_POINTS)
    if size <= 1:
        return known
    groups = (known[at : at + size] for at in range(0, len(known), size))
    return [(fmean(x for x, _ in group), fmean(y for _, y in group)) for group in groups]


def running_mean(points: Sequence[Point], around: int) -> list[Point]:
    """Each point as the mean of itself and as many on each side, near an end of as many as there are there."""
    sides = (min(around, at, len(points) - 1 - at) for at in range(len(points)))
    return [(points[at][0], fmean(y for _, y in points[at - few : at + few + 1])) for at, few in enumerate(sides)]


def pieces(points: Sequence[Point]) -> list[list[Point]]:
    """The points in pieces, cut where steps are missing: where the distance to the next point is over twice the usual
    one."""
    ways = [after[0] - before[0] for before, after in pairwise(points)]
    usual = median(ways) if ways else 0.0
    torn: list[list[Point]] = []
    for at, point in enumerate(points):
        if at and ways[at - 1] <= 2 * usual:
            torn[-1].append(point)
        else:
            torn.append([point])
    return torn


def _wide(values: Sequence[float], *, floor: bool = False) -> tuple[float, float]:
    """A range that holds all values with some room, and is never empty. `floor`: of shares, which do not go below 0."""
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or abs(high) * 0.1 or 0.5
    return (max(0.0, low - room) if floor and low >= 0 else low - room, high + room)


def ticks(low: float, high: float, most: int = 5) -> list[tuple[float, str]]:
    """Round numbers in a range, two or more where there are any, each as it is written: with as many digits as tell it
    from the next one."""
    rough = (high - low) / most
    exponent = math.floor(math.log10(rough))
    size = next(size for size in (1, 2, 2.5, 5, 10) if 10.0**exponent * size >= rough)
    step, decimals = 10.0**exponent * size, max(0, (size == 2.5) - exponent - (size == 10))
    values = (at * step for at in range(math.ceil(low / step), math.floor(high / step) + 1))
    return [(value, _written(value, decimals)) for value in values]


def _written(value: float, decimals: int) -> str:
    if value == 0:
        return "0"
    small = decimals > _DECIMALS and abs(value) < _SMALL
    said = power(f"{value:.6g}") if small or abs(value) >= _POWERS else f"{value:,.{decimals}f}"
    return said.replace("-", "\N{MINUS SIGN}")


def _shares(y_range: Point) -> list[tuple[float, str]]:
    """Ticks of shares, as percent."""
    low, high = y_range
    return [(value / 100, f"{said} %") for value, said in ticks(100 * low, 100 * high)]


def _margin(y_range: Point, *, percent: bool) -> int:
    """Pixels on the left, for what is written beside the axis."""
    said = [said for _, said in (_shares(y_range) if percent else ticks(*y_range))]
    return max(_LEFT, math.ceil(_CHARACTER * max(map(len, said), default=0)) + 9)


def _grid(frame: _Frame, *, percent: bool) -> Iterator[str]:
    right, bottom = frame.width - frame.right, frame.height - frame.bottom
    for value, said in _shares(frame.y) if percent else ticks(*frame.y):
        _, y = frame.at(frame.x[0], value)
        yield f'<path class="grid" d="M{frame.left} {y}H{right}"/>'
        yield f'<text class="tick end" x="{frame.left - 5}" y="{y + 3.5:.1f}">{said}</text>'
    for value, said in ticks(*frame.x, most=4):
        x, _ = frame.at(value, frame.y[0])
        yield f'<path class="grid" d="M{x} {bottom}v4"/>'
        yield f'<text class="tick" x="{x}" y="{bottom + 15}">{said}</text>'
    yield f'<path class="base" d="M{frame.left} {bottom}H{right}"/>'


def _svg(frame: _Frame, title: str, parts: Sequence[str], *, look: str = "lines") -> Markup:
    head = f'<svg class="chart {look}" viewBox="0 0 {frame.width} {frame.height}" role="img"'
    return _markup(f'{head} aria-label="{_escaped(title)}">{"".join(parts)}</svg>')


def _escaped(text: str) -> str:
    from markupsafe import escape

    return str(escape(seen(text)))


def _markup(text: str) -> Markup:
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - made here of numbers and escaped text
