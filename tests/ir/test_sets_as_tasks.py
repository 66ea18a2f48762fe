"""Sets of an evaluation as tasks: what a set shares it takes, what it says it has, and a set is no identity."""

from __future__ import annotations

import copy
from typing import Any

from cotspec.spec import payload
from tests.support import sealed, spec_data

SMALL = spec_data("small")


def with_sets(**more: Any) -> dict[str, Any]:
    """The small spec, evaluated on two sets."""
    data = copy.deepcopy(SMALL)
    data["data"]["hard"] = {"builtin": "chains", "split": "test", "size": 8, "steps": [5, 6]}
    sets = {
        "test": {"data": "test"},
        "hard": {"data": "hard", "of": ["rewrite", "student"], "sampling": {"n": 3, "max_new_tokens": 64}},
    }
    data["evaluate"] = {"of": data["evaluate"]["of"], "sets": sets, **more}
    return data


def tasks(data: dict[str, Any]) -> dict[str, Any]:
    plan = sealed(data).plan
    return {label.part: task for task in plan.tasks for label in task.labels}


def test_a_set_that_asks_what_the_short_form_asks_is_the_same_tasks() -> None:
    short, long = tasks(SMALL), tasks(with_sets())
    for name in SMALL["evaluate"]["of"]:
        assert long[f"evaluation of {name} on test"].id == short[f"evaluation of {name}"].id
    assert {task.id for part, task in short.items() if part != "contamination"} < {task.id for task in long.values()}


def test_a_set_takes_what_it_does_not_say_from_the_evaluation() -> None:
    found = tasks(with_sets(prompt="prompts/rebuild.jinja"))
    test, hard = (found[f"evaluation of student on {name}"].body for name in ("test", "hard"))
    assert test.prompt == hard.prompt != tasks(SMALL)["evaluation of student"].body.prompt
    assert (test.sampling.n, test.sampling.temperature) == (1, 0.0)
    assert (hard.sampling.n, hard.sampling.temperature, hard.sampling.max_new_tokens) == (3, 1.0, 64)
    assert "evaluation of compress on hard" not in found


def test_a_transition_measures_with_the_prompt_and_sampling_of_the_first_set() -> None:
    data = with_sets()
    gate = tasks(SMALL)["way out of stage compress"]
    assert tasks(data)["way out of stage compress"].id == gate.id
    data["evaluate"]["sets"] = dict(reversed(data["evaluate"]["sets"].items()))
    other = tasks(data)["way out of stage compress"]
    assert other.body.sampling.max_new_tokens == 64
    assert other.reads["problems"] == gate.reads["problems"]  # on `valid`, all the same


def test_every_data_set_that_is_tested_on_is_compared_with_what_is_taught() -> None:
    found = tasks(with_sets())
    assert set(found["contamination"].reads) == {"taught", "tested", "tested_2", "valid"}
    assert found["contamination"].reads["tested_2"].task == found["data hard"].id
    again = with_sets()
    again["evaluate"]["sets"]["hard"]["data"] = "test"
    assert set(tasks(again)["contamination"].reads) == {"taught", "tested", "valid"}


def test_the_report_has_a_table_for_each_set_in_their_order() -> None:
    (report,) = sealed(with_sets()).plan.reports
    body = report.task.body
    assert isinstance(body, payload.ReportBody)
    told = [(table.name, table.labels) for table in body.tables]
    assert told == [("test", tuple(SMALL["evaluate"]["of"])), ("hard", ("rewrite", "student"))]
    rows = {role for role in report.task.reads if role.startswith("evaluate.")}
    assert rows == {table.role(label) for table in body.tables for label in table.labels}
    (short,) = sealed(SMALL).plan.reports
    assert [table.name for table in short.task.body.tables] == [""]  # type: ignore[attr-defined]
