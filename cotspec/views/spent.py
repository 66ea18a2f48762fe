"""What tasks took beside what a plan would have expected of them, for a page. Knows measurements and estimates; not
where they come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from cotspec.estimate import Estimator, Spent
from cotspec.estimate.work import generates, trains
from cotspec.ir.plan import Task
from cotspec.views.costs import duration, size

MOST_TASKS: Final = 200
"""Tasks with a row of their own, the longest ones; all are in the sums."""


class Row(NamedTuple):
    """A task; "" is what is not known."""

    name: str
    """What a person calls it, in the first experiment that needs it."""
    id: str
    experiments: int
    """How many need it."""
    seconds: str
    expected: str
    times: str
    """Measured over expected."""
    memory: str
    memory_expected: str
    how: str
    """How the expected time was found, or what is missing for it …"""
    memory_how: str
    """… and what is in the expected memory, of a task with a model that was measured."""


class Spending(NamedTuple):
    """All tasks of some experiments."""

    rows: tuple[Row, ...]
    left_out: int
    measured: int
    """Tasks whose last run was measured here …"""
    whole: int
    """… of so many …"""
    seconds: str
    """… and what they took together."""
    both: int
    """Tasks of which the expected time is known, too …"""
    both_seconds: str
    both_expected: str
    """… and what they took, and were expected to take."""
    machines: tuple[tuple[str, int], ...]
    """Versions and machine, and how many tasks were run so."""


def spending(tasks: Mapping[str, Task], estimator: Estimator, machines: Mapping[str, str]) -> Spending:
    """`tasks` by id; `machines` says by id what a task was run with, where that is known."""
    spent = {id: estimator.spent(id) for id in tasks}
    order = sorted(spent, key=lambda id: -(spent[id].seconds or 0.0))
    measured = [each for each in spent.values() if each.seconds is not None]
    estimated = [each for each in measured if each.expected.value is not None]
    tasks_of_machine: dict[str, int] = {}
    for machine in machines.values():
        tasks_of_machine[machine] = tasks_of_machine.get(machine, 0) + 1
    return Spending(
        rows=tuple(_row(tasks[id], spent[id]) for id in order[:MOST_TASKS]),
        left_out=len(order[MOST_TASKS:]),
        measured=len(measured),
        whole=len(spent),
        seconds=_sum(each.seconds for each in measured),
        both=len(estimated),
        both_seconds=_sum(each.seconds for each in estimated),
        both_expected=_sum(each.expected.value for each in estimated),
        machines=tuple(sorted(tasks_of_machine.items(), key=lambda each: -each[1])),
    )


def _sum(values: Iterable[float | None]) -> str:
    return _took(sum(value or 0.0 for value in values))


def _took(seconds: float) -> str:
    """Fine enough to compare two of them."""
    return f"{seconds:,.1f} s" if seconds < 10 else f"{seconds:,.0f} s" if seconds < 1000 else duration(seconds)


def _row(task: Task, spent: Spent) -> Row:
    expected, memory = spent.expected, spent.memory_expected.value
    compared = spent.memory is not None and memory is not None and (trains(task) or generates(task))
    times = "" if not spent.seconds or not expected.value else f"{spent.seconds / expected.value:.2g} ×"
    return Row(
        name=str(task.labels[0]),
        id=task.id,
        experiments=len({label.experiment for label in task.labels}),
        seconds="" if spent.seconds is None else _took(spent.seconds),
        expected="" if expected.value is None else _took(expected.value),
        times=times,
        memory="" if spent.memory is None else size(spent.memory),
        memory_expected="" if memory is None else size(memory),
        how=expected.text,
        memory_how=spent.memory_expected.text if compared else "",
    )
