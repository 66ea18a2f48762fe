"""What the next run does and why: every task with its state, and the setting or the input that is the reason.

Knows plans, standings (`cotspec.history.results`) and changes; not how a standing was found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from cotspec.estimate import Comparison, Cost, Estimator
from cotspec.history.results import Standing, State
from cotspec.passes.seal import Sealed
from cotspec.views import changes, costs, diff
from cotspec.views.aligned import wrapped
from cotspec.views.paint import STATES, Paint, painter
from cotspec.views.planned import Planned

_SHOWN = 80
_NAMES = 3
_INDENT = " " * 8
"""Of what stands below a task on a narrow terminal: as wide as a state."""
_TO_DO = ("run", "resume", "reuse")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One task of the table."""

    id: str
    part: str
    """What a person calls it."""
    experiments: tuple[str, ...]
    """The experiments that need it."""
    standing: Standing
    reasons: tuple[str, ...]
    cost: Cost


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A plan as it is shown."""

    rows: Sequence[Row]
    compared: Sequence[Comparison]
    """Estimates of measured tasks beside what was measured."""

    @property
    def busy(self) -> list[Row]:
        """The tasks that would run."""
        return [row for row in self.rows if row.standing.state != "reuse"]


def view(
    sealed: Sealed,
    standings: Mapping[str, Standing],
    pairs: Sequence[tuple[Planned, Planned | None]],
    estimator: Estimator,
) -> View:
    """Every task in the order it would run. `pairs` are the experiments, each with what it is compared to."""
    why = _Why(standings, pairs)
    tasks = [*sealed.plan.tasks, *(report.task for report in sealed.plan.reports)]
    rows = [
        Row(
            id=task.id,
            part=task.labels[0].part,
            experiments=tuple(dict.fromkeys(label.experiment for label in task.labels)),
            standing=standings[task.id],
            reasons=why.of(task.id),
            cost=estimator.cost(task.id),
        )
        for task in tasks
    ]
    return View(rows=rows, compared=estimator.comparisons())


class _Why:
    """Finds the reason of each task that does not stand; comparing is done once for each experiment that needs it."""

    def __init__(self, standings: Mapping[str, Standing], pairs: Sequence[tuple[Planned, Planned | None]]) -> None:
        self.standings = standings
        self.parts: Mapping[str, str] = {}
        """What tasks are called: as the first experiment does, as in the rows."""
        self.causes: dict[str, tuple[str, ...]] = {}
        self.tried: changes.Tried = {}
        for new, old in pairs:
            self.parts = {**new.part_of, **self.parts}
            if old is not None:
                self._compare(old, new)

    def _compare(self, old: Planned, new: Planned) -> None:
        waiting = {
            part
            for part, task in new.tasks.items()
            if self.standings[task.id].state == "run" and task.id not in self.causes
        }
        if not waiting:
            return
        settings = changes.settings(old, new)
        for task in changes.tasks(old, new, settings, self.tried):
            own = (*map(diff.told, task.causes), *(f"part `{k}` of the kernel is another version" for k in task.kernel))
            if task.part in waiting and own:
                self.causes[task.new] = own

    def of(self, id: str) -> tuple[str, ...]:
        """The setting that changed, else the input that does, else what the standing says."""
        standing = self.standings[id]
        if standing.state == "reuse":
            return ()
        follows = tuple(dict.fromkeys(self.parts.get(up, up) for up in standing.upstream))
        after = (f"after {', '.join(follows)}",) if follows else ()
        return self.causes.get(id) or after or (standing.reason,)


def counts(given: Sequence[Row]) -> dict[str, int]:
    """How many tasks are in each state; the first three are always told."""
    counted = Counter(row.standing.state for row in given)
    return {state: counted[state] for state in get_args(State) if state in _TO_DO or counted[state]}


# --- printing ---------------------------------------------------------------------------------------------------------


def text(
    shown: View, *, whole: bool = False, formulas: bool = False, colour: bool = False, width: int | None = None
) -> str:
    """For a terminal with so many columns: what runs, each with its reason and what it takes, then how much stands."""
    paint = painter(colour)
    busy = shown.busy
    rows = list(shown.rows) if whole else busy[:_SHOWN]
    widths = [max((len(cell) for cell in column), default=0) for column in _columns(rows)]
    narrow = None if width is None or all(_length(row, widths) <= width for row in rows) else width
    lines = [line for row in rows for line in _row(row, widths, paint, narrow, formulas=formulas)]
    if len(busy) > len(rows):
        lines.append(f"… {len(busy) - len(rows):,} more (--all shows them)")
    lines.append(paint(summary(shown.rows), "bold"))
    if elsewhere := sum(row.standing.elsewhere for row in busy):
        lines.append(f"{elsewhere:,} of them ran already: `cotspec run --pull` takes their results from the DVC remote")
    if busy:
        told = (*costs.totals([row.cost for row in busy]), *costs.compared(shown.compared))
        lines += [wrapped(line, width, hanging=_INDENT) for line in told]
    return "\n".join(lines) + "\n"


def _columns(rows: Sequence[Row]) -> tuple[list[str], ...]:
    return ["resume", *(row.standing.state for row in rows)], [row.part for row in rows], [row.id for row in rows]


def summary(given: Sequence[Row]) -> str:
    """`3 to run, 1 to resume, 12 to reuse, 1 failed gate`."""
    return ", ".join(f"{n:,} {'to ' if state in _TO_DO else ''}{state}" for state, n in counts(given).items())


def _row(row: Row, widths: Sequence[int], paint: Paint, width: int | None, *, formulas: bool) -> Iterator[str]:
    """A task; where lines do not fit into `width` columns, what it takes and who needs it stand below it."""
    state, cost = row.standing.state, _cost(row)
    head = [paint(f"{state:<{widths[0]}}", STATES.get(state, "")), f"{row.part:<{widths[1]}}"]
    head += [paint(f"{row.id:<{widths[2]}}" if width is None else row.id, "dim")]
    below = [*row.reasons, *([f"for {_who(row)}"] if width is not None else [])]
    indent = _INDENT if width is not None else " " * (widths[0] + widths[1] + 4)
    if width is None:
        head += [_who(row), *cost]
    elif sum(widths) + 4 + sum(len(each) + 2 for each in cost) <= width:
        head[2:] = [paint(f"{row.id:<{widths[2]}}", "dim"), *cost]
    else:
        below = [*cost, *below]
    yield "  ".join(head)
    for line in below:
        yield "\n".join(
            indent + paint(part, "dim") for part in wrapped(line, width and width - len(indent)).splitlines()
        )
    if formulas and state != "reuse":
        yield from (f"{indent}{line}" for line in costs.formulas(row.cost))


def _cost(row: Row) -> list[str]:
    return [costs.short(row.cost)] if row.standing.state != "reuse" else []


def _length(row: Row, widths: Sequence[int]) -> int:
    """Of its first line, where all is on it."""
    return sum(widths) + sum(len(each) + 2 for each in (_who(row), *_cost(row))) + 4


def _who(row: Row) -> str:
    names = ", ".join(row.experiments[:_NAMES])
    more = len(row.experiments) - _NAMES
    return f"{names} and {more:,} more" if more > 0 else names


def record(shown: View) -> dict[str, object]:
    """As JSON data."""
    return {
        "work": bool(shown.busy),
        "counts": counts(shown.rows),
        "total": costs.total_record([row.cost for row in shown.busy]),
        "tasks": [
            {
                "id": row.id,
                "part": row.part,
                "experiments": list(row.experiments),
                "state": row.standing.state,
                "elsewhere": row.standing.elsewhere,
                "reasons": list(row.reasons),
                "estimate": costs.record(row.cost),
            }
            for row in shown.rows
        ],
    }


def markdown(shown: View) -> str:
    """For a comment on a pull request."""
    busy = shown.busy
    cells = [
        (
            row.standing.state,
            row.part,
            f"`{row.id}`",
            diff.escaped(_who(row)),
            "<br>".join(map(diff.escaped, row.reasons)),
            costs.short(row.cost),
        )
        for row in busy[:_SHOWN]
    ]
    parts = [f"**Plan**: {summary(shown.rows)}"]
    if cells:
        parts.append(diff.table(("", "task", "id", "for", "why", "takes"), cells))
        parts.append("\n".join(f"- {line}" for line in costs.totals([row.cost for row in busy])))
    if len(busy) > _SHOWN:
        parts.append(f"… {len(busy) - _SHOWN:,} more")
    return "\n\n".join(parts) + "\n"
