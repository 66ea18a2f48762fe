"""What tasks took beside what was expected of them: never their own run, and never a number for what is not known."""

from __future__ import annotations

import pytest

from cotspec.views import spent
from cotspec.views.spent import Spending
from tests.estimate.known import Known, estimator, parts, ran
from tests.support import spec_data

SMALL = spec_data("small")


def told(known: Known) -> Spending:
    tasks = parts(SMALL)
    ran(tasks, known, traces=40)
    machines = {tasks["stage structure"].id: "Python 3.11, torch 2"}
    return spent.spending({task.id: task for task in tasks.values()}, estimator(tasks, known), machines)


def test_a_task_is_compared_with_the_other_runs_and_its_memory_with_the_formula() -> None:
    tasks, known = parts(SMALL), Known()
    for part, seconds in (("evaluation of rewrite", 30.0), ("evaluation of structure", 10.0)):
        known.times[tasks[part].id] = seconds
    known.held[tasks["evaluation of rewrite"].id] = 1e9
    found = told(known)
    first, second = found.rows[:2]
    assert (first.name, first.seconds, first.expected, first.times) == (
        "evaluation of rewrite of small",
        "30 s",
        "10 s",
        "3 ×",
    )
    assert (second.seconds, second.expected, second.times) == ("10 s", "30 s", "0.33 ×")
    assert (first.memory, second.memory) == ("953.7 MiB", "")
    assert "as 1 run like it took" in first.how
    assert first.memory_how.startswith("weights 2.7 MiB + cache ")
    assert second.memory_how == ""
    assert (found.measured, found.whole, found.seconds) == (2, len(tasks), "40 s")
    assert (found.both, found.both_expected) == (2, "40 s")
    assert found.machines == (("Python 3.11, torch 2", 1),)


def test_what_is_not_measured_or_not_estimated_has_no_number() -> None:
    tasks, known = parts(SMALL), Known()
    known.times[tasks["stage structure"].id] = 8.0
    found = told(known)
    assert found.rows[0].seconds == "8.0 s"
    assert {(row.seconds, row.times) for row in found.rows[1:]} == {("", "")}


def test_of_many_tasks_the_longest_have_rows_and_all_are_in_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spent, "MOST_TASKS", 3)
    tasks = parts(SMALL)
    found = told(Known(times={task.id: float(at) for at, task in enumerate(tasks.values(), 1)}))
    assert [row.seconds for row in found.rows] == [f"{len(tasks) - at} s" for at in range(3)]
    assert (found.left_out, found.measured) == (len(tasks) - 3, len(tasks))
