"""Experiments side by side on one page: the table, a matrix as a pivot, figures over seeds, questions that flip.

Knows what experiments have come to; the texts of answers are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Final, NamedTuple

from cotspec.cot.stats import OverSeeds
from cotspec.page import charts, html
from cotspec.page.browser import Browser, Choice
from cotspec.page.figures import percent
from cotspec.views import flips, seeds
from cotspec.views.flips import Flip, Shown, Texts
from cotspec.views.outcomes import Outcome
from cotspec.views.results import Difference, Table, cut, difference, suites, tables
from cotspec.views.spent import Spending

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_MARKS: Final = 60
"""Experiments in one drawing; the table has all."""
COSTS: Final = 20
"""Tasks whose cost stands open; others are in a block below."""
MOST_SETTINGS: Final = 100
"""Experiments whose settings are shown."""
MOST_BUTTONS: Final = 80
"""Pairs of experiments with buttons of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """Where two values of a matrix meet: one experiment, or one over its seeds."""

    accuracy: float
    low: float
    high: float
    n: int
    seeds: int
    """1: of one seed, and the interval holds for other questions only."""
    tokens: float
    change: Difference | None
    """From the base; over seeds `n` is how many are paired."""
    best: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Pivot:
    """A matrix of two settings."""

    name: str
    down: str
    across: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]
    """A value, and what there is for each column; None: nothing is measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A change from a base."""

    flip: Flip
    change: Difference | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """Figures in one drawing."""

    numbers: Mapping[str, int]
    """By experiment, its number in it."""
    plane: Markup
    left_out: int
    """Experiments that are not drawn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Set:
    """A set of the evaluation over all experiments."""

    name: str
    single: Drawn
    several: Drawn
    """Of those that there are of several seeds."""
    pivots: Sequence[Pivot]
    lines: Sequence[Line]
    browser: Browser
    shown: Sequence[Shown]


def page(
    outcomes: Sequence[Outcome],
    texts: Texts,
    *,
    title: str,
    spent: Spending | None = None,
    settings: Sequence[tuple[str, str]] = (),
) -> str:
    """The page as HTML. `settings` are those of each experiment as YAML, by name."""
    names = dict.fromkeys(each.set for each in outcomes)
    sets = [_set(at, name, [each for each in outcomes if each.set == name], texts) for at, name in enumerate(names)]
    single, *several = tables(outcomes)
    measured = suites(outcomes)
    values: dict[str, object] = {
        "title": title,
        "table": _grid(single, [each.last.n if each.last else None for each in outcomes]),
        "cut": cut(outcomes),
        "seeds": _grid(several[0], [_questions(group) for group in seeds.groups(outcomes)]) if several else None,
        "below": several[0].below if several else "",
        "suites": None if measured is None else Grid(head=measured.rows[0], rows=measured.rows[1:]),
        "suites_below": "" if measured is None else measured.below,
        "sets": sets,
        "notes": _notes(outcomes),
        "spent": spent,
        "settings": settings[:MOST_SETTINGS],
        "unsaid": len(settings[MOST_SETTINGS:]),
        "limits": {"questions": flips.MOST_QUESTIONS, "pair": flips.OF_A_PAIR, "marks": MOST_MARKS, "costs": COSTS},
    }
    sections_there = [
        ("results", "Results", True),
        ("seeds", "Seeds", bool(several)),
        ("suites", "Suites", measured is not None),
        ("matrix", "Matrix", any(each.pivots for each in sets)),
        ("changes", "Changes", any(each.lines for each in sets)),
        ("questions", "Questions", any(each.shown for each in sets)),
        ("notes", "Notes", bool(values["notes"])),
        ("cost", "Cost", spent is not None),
        ("settings", "Settings", bool(settings)),
    ]
    sections = [(anchor, name) for anchor, name, is_there in sections_there if is_there]
    rules = [rule for each in sets for rule in each.browser.rules()]
    return html.render("results.html.jinja", values | {"sections": sections}, rules=rules)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A table."""

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def _grid(table: Table, asked: Sequence[int | None]) -> Grid:
    """The table of a terminal without empty columns, and how many questions each row is about."""
    head, *rows = table.rows
    kept = [at for at in range(len(head)) if not at or any(row[at] for row in rows)]
    counted = zip(rows, asked, strict=True)
    return Grid(
        head=(*(head[at] for at in kept), "n"),
        rows=[(*(row[at] for at in kept), "" if n is None else f"{n:,}") for row, n in counted],
    )


def _questions(group: seeds.Group) -> int | None:
    return min((each.n for each in group.measured.values()), default=None)


def _notes(outcomes: Sequence[Outcome]) -> list[tuple[str, tuple[str, ...]]]:
    return list({each.name: (each.name, each.notes) for each in outcomes if each.notes}.values())


# --- one set ----------------------------------------------------------------------------------------------------------


def _set(at: int, name: str, outcomes: Sequence[Outcome], texts: Texts) -> Set:
    by_name = {each.name: each for each in outcomes}
    flipped = [one for each in outcomes if (one := flips.flip(each, by_name.get(each.base)))]
    ids = flips.chosen(flipped)
    measured = [
        _Figure(each.name, last.tokens, last.accuracy, last.low, last.high)
        for each in outcomes
        if (last := each.last) is not None
    ]
    return Set(
        name=name,
        single=_drawn(measured, "accuracy and tokens of each experiment"),
        several=_drawn(list(_means(outcomes)), "mean accuracy and tokens over seeds"),
        pivots=list(_pivots(outcomes)),
        lines=[Line(flip=each, change=difference(each.outcome.last, each.base.last)) for each in flipped],
        browser=Browser(name=f"r{at}", items=len(ids), choices=tuple(_choices(flipped, ids))),
        shown=flips.shown(flipped, ids, texts),
    )


class _Figure(NamedTuple):
    name: str
    tokens: float
    accuracy: float
    low: float
    high: float


def _means(outcomes: Sequence[Outcome]) -> Iterator[_Figure]:
    """What is measured of several seeds."""
    for group in seeds.groups(outcomes):
        over = group.accuracy()
        if over is not None:
            tokens = fmean(each.tokens for each in group.measured.values())
            yield _Figure(group.name, tokens, over.mean, max(0.0, over.low), min(1.0, over.high))


def _drawn(figures: Sequence[_Figure], title: str) -> Drawn:
    shown = figures[:MOST_MARKS]
    marks = [
        charts.Mark(
            number=number,
            name=f"{each.name}: {percent(each.accuracy)} at {each.tokens:.1f} tokens",
            x=each.tokens,
            y=each.accuracy,
            x_range=None,
            y_range=(each.low, each.high),
        )
        for number, each in enumerate(shown, 1)
    ]
    return Drawn(
        numbers={each.name: number for number, each in enumerate(shown, 1)},
        plane=charts.plane(marks, title=title, x="mean tokens of an answer", y="accuracy"),
        left_out=len(figures) - len(shown),
    )


def _choices(flipped: Sequence[Flip], ids: Sequence[int]) -> Iterator[Choice]:
    places = {id: at for at, id in enumerate(ids)}
    for each in flipped[:MOST_BUTTONS]:
        single = each.outcome.last is not None and each.outcome.last.samples == 1
        names = ("wrong → right", "right → wrong") if single else ("more right", "fewer right")
        for name, way in zip(names, (each.won, each.lost), strict=True):
            if way:
                items = frozenset(places[id] for id in way if id in places)
                group = f"{each.base.name} → {each.outcome.name}"
                yield Choice(group=group, name=name, whole=len(way), items=items)


# --- a matrix ---------------------------------------------------------------------------------------------------------


def _pivots(outcomes: Sequence[Outcome]) -> Iterator[Pivot]:
    """One for each matrix; of more than two settings one for each combination of the others."""
    families: dict[tuple[str, ...], list[Outcome]] = {}
    for each in outcomes:
        if len(each.axes) >= 2:
            rest = (f"{setting} {value}" for setting, value in each.axes[2:])
            spec = each.name.removesuffix(f"--{each.variant}")
            families.setdefault((spec, each.family, *rest), []).append(each)
    by_name = {each.name: each for each in outcomes}
    groups = {member.name: group for group in seeds.groups(outcomes) for member in group.members.values()}
    for (_, *named), members in families.items():
        yield _pivot(" · ".join(named), members, by_name, groups)


def _pivot(
    name: str, members: Sequence[Outcome], by_name: Mapping[str, Outcome], groups: Mapping[str, seeds.Group]
) -> Pivot:
    (down, _), (across, _), *_ = members[0].axes
    rows, columns = (dict.fromkeys(each.axes[at][1] for each in members) for at in (0, 1))
    first: dict[tuple[str, str], Outcome] = {}
    for each in members:
        first.setdefault((each.axes[0][1], each.axes[1][1]), each)
    cells = {place: _cell(each, by_name.get(each.base), groups.get(each.name)) for place, each in first.items()}
    most = max((cell.accuracy for cell in cells.values() if cell), default=None)
    return Pivot(
        name=name,
        down=down,
        across=across,
        columns=tuple(columns),
        rows=tuple((row, tuple(_best(cells.get((row, column)), most) for column in columns)) for row in rows),
    )


def _best(cell: Cell | None, most: float | None) -> Cell | None:
    return replace(cell, best=True) if cell is not None and cell.accuracy == most else cell


def _cell(outcome: Outcome, base: Outcome | None, group: seeds.Group | None) -> Cell | None:
    """The figures of an experiment: over its seeds where there are several."""
    over = None if group is None else group.accuracy()
    if group is not None and over is not None:
        return _over_seeds(group, over)
    last = outcome.last
    if last is None:
        return None
    change = difference(last, base.last) if base is not None and base is not outcome else None
    return Cell(
        accuracy=last.accuracy,
        low=last.low,
        high=last.high,
        n=last.n,
        seeds=1,
        tokens=last.tokens,
        change=change,
    )


def _over_seeds(group: seeds.Group, over: OverSeeds) -> Cell:
    measured, changed = list(group.measured.values()), group.change()
    base = {} if group.base is None else group.base.measured
    paired = sum(seed in base for seed in group.measured)
    return Cell(
        accuracy=over.mean,
        low=max(0.0, over.low),
        high=min(1.0, over.high),
        n=min(each.n for each in measured),
        seeds=len(measured),
        tokens=fmean(each.tokens for each in measured),
        change=changed and Difference(n=paired, points=changed.mean, low=changed.low, high=changed.high),
    )
