"""What the next run does and why: every task with its state, and the setting or the input that is the reason.

Knows plans, standings (`cotspec.ledger`) and changes; not how a standing was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cotspec.ledger import Standing
from cotspec.passes.seal import Sealed
from cotspec.views import changes, diff
from cotspec.views.side import Side

_SHOWN = 80
_NAMES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One task."""

    id: str
    part: str
    """What a person calls it."""
    experiments: tuple[str, ...]
    """Who needs it."""
    standing: Standing
    reasons: tuple[str, ...]


def rows(sealed: Sealed, standings: Mapping[str, Standing], pairs: Sequence[tuple[Side, Side | None]]) -> list[Row]:
    """Every task in the order it would run. `pairs` are the experiments, each with what it is compared to."""
    why = _Why(standings, pairs)
    tasks = [*sealed.plan.tasks, *(report.task for report in sealed.plan.reports)]
    return [
        Row(
            id=task.id,
            part=task.labels[0].part,
            experiments=tuple(dict.fromkeys(label.experiment for label in task.labels)),
            standing=standings[task.id],
            reasons=why.of(task.id),
        )
        for task in tasks
    ]


class _Why:
    """Finds the reason of each task that does not stand; comparing is done once for each experiment that needs it."""

    def __init__(self, standings: Mapping[str, Standing], pairs: Sequence[tuple[Side, Side | None]]) -> None:
        self.standings = standings
        self.parts: dict[str, str] = {}
        self.causes: dict[str, tuple[str, ...]] = {}
        for new, old in pairs:
            self.parts.update(new.part_of)
            if old is not None:
                self._compare(old, new)

    def _compare(self, old: Side, new: Side) -> None:
        waiting = {
            part
            for part, task in new.tasks.items()
            if self.standings[task.id].state == "run" and task.id not in self.causes
        }
        if not waiting:
            return
        found = changes.settings(old, new)
        for task in changes.tasks(old, new, found):
            own = (*map(diff.told, task.causes), *(f"part `{k}` of the kernel is another version" for k in task.kernel))
            if task.part in waiting and own:
                self.causes[task.new] = own

    def of(self, id: str) -> tuple[str, ...]:
        """The setting that changed, else the input that does, else what the ledger says."""
        standing = self.standings[id]
        if standing.state == "reuse":
            return ()
        follows = tuple(dict.fromkeys(self.parts.get(up, up) for up in standing.upstream))
        after = (f"after {', '.join(follows)}",) if follows else ()
        return self.causes.get(id) or after or (standing.reason,)


def counts(given: Sequence[Row]) -> dict[str, int]:
    """How many tasks are in each state."""
    found = {"run": 0, "resume": 0, "reuse": 0}
    for row in given:
        found[row.standing.state] += 1
    return found


def work(given: Sequence[Row]) -> bool:
    """Whether anything would run."""
    return any(row.standing.state != "reuse" for row in given)


# --- printing ---------------------------------------------------------------------------------------------------------


def text(given: Sequence[Row], *, whole: bool = False) -> str:
    """For a terminal: what runs, each with its reason, then how much stands."""
    busy = [row for row in given if row.standing.state != "reuse"]
    shown = busy if whole else busy[:_SHOWN]
    width = max((len(row.part) for row in shown), default=0)
    ids = max((len(row.id) for row in shown), default=0)
    lines = [line for row in shown for line in _row(row, width, ids)]
    if len(busy) > len(shown):
        lines.append(f"… {len(busy) - len(shown):,} more (--all shows them)")
    lines += [
        f"reuse   {row.part:<{width}}  {row.id:<{ids}}  {_who(row)}" for row in given if whole and row not in busy
    ]
    return "\n".join([*lines, summary(given)]) + "\n"


def summary(given: Sequence[Row]) -> str:
    """`3 to run, 1 to resume, 12 to reuse`."""
    return ", ".join(f"{number:,} to {state}" for state, number in counts(given).items())


def _row(row: Row, width: int, ids: int) -> Iterator[str]:
    yield f"{row.standing.state:<6}  {row.part:<{width}}  {row.id:<{ids}}  {_who(row)}"
    yield from (f"        {'':<{width}}  {reason}" for reason in row.reasons)


def _who(row: Row) -> str:
    names = ", ".join(row.experiments[:_NAMES])
    more = len(row.experiments) - _NAMES
    return f"{names} and {more:,} more" if more > 0 else names


def record(given: Sequence[Row]) -> dict[str, object]:
    """As JSON data."""
    return {
        "work": work(given),
        "counts": counts(given),
        "tasks": [
            {
                "id": row.id,
                "part": row.part,
                "experiments": list(row.experiments),
                "state": row.standing.state,
                "reasons": list(row.reasons),
                "last_seconds": row.standing.seconds,
            }
            for row in given
        ],
    }


def markdown(given: Sequence[Row]) -> str:
    """For a comment on a pull request."""
    busy = [row for row in given if row.standing.state != "reuse"]
    cells = [
        (
            row.standing.state,
            row.part,
            f"`{row.id}`",
            diff.escaped(_who(row)),
            "<br>".join(map(diff.escaped, row.reasons)),
        )
        for row in busy[:_SHOWN]
    ]
    parts = [f"**Plan**: {summary(given)}"]
    if cells:
        parts.append(diff.table(("", "task", "id", "for", "why"), cells))
    if len(busy) > _SHOWN:
        parts.append(f"… {len(busy) - _SHOWN:,} more")
    return "\n\n".join(parts) + "\n"
