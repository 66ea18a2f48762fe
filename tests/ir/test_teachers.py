"""A teacher whose probabilities are learnt is an input of the stage, and is asked for by the preflight."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest

from cotspec.ir.plan import Task
from cotspec.ir.preflight import preflight
from cotspec.spec.payload import PreflightBody, ReportBody, RowsBody
from tests.estimate.known import Known, estimator, parts
from tests.support import sealed, spec_data


def taught(**train: Any) -> dict[str, Any]:
    """The small spec with a stage that learns a teacher's probabilities."""
    data = spec_data("small")
    data["models"]["own"] = {"path": "models/own"}
    given = {"by": "distill", "lr": 1e-4, "global_batch": 8, "teacher": "teacher", **train}
    data["stages"]["agree"] = {"start": "structure", "train": given, "rows": {"from": "teach"}, "task": "solve"}
    data["evaluate"]["of"] = ["student", "agree"]
    return data


def task(data: dict[str, Any], label: str) -> Task:
    return next(one for one in sealed(data).plan.tasks for each in one.labels if each.part == label)


@pytest.mark.parametrize(
    ("teacher", "reads"),
    [
        ("teacher", {}),  # a builtin model is in the body
        ("self", {}),
        ("own", {"teacher": ("", "specs/models/own")}),
        ("structure", {"teacher": ("sft", "model")}),
        ("compress", {"teacher": ("grpo", ""), "teacher_gate": ("gate", "gate.json")}),
    ],
)
def test_another_model_or_stage_is_an_input_and_the_first_weights_are_none(
    teacher: str, reads: dict[str, tuple[str, str]]
) -> None:
    found = task(taught(teacher=teacher), "stage agree").reads
    inputs = {role: (read.task.rpartition("-")[0], read.file) for role, read in found.items() if "teacher" in role}
    assert inputs == reads
    assert {"rows", "model"} <= found.keys()


def test_what_changes_a_teacher_changes_the_stage_that_it_teaches_and_nothing_else() -> None:
    one = taught(teacher="compress")
    other = copy.deepcopy(one)
    other["stages"]["compress"]["train"]["lr"] = 0.5
    assert task(one, "stage agree").id != task(other, "stage agree").id
    assert task(one, "rows of stage agree").id == task(other, "rows of stage agree").id
    alone = [task(taught(teacher=name), "stage agree").id for name in ("teacher", "student", "self", "structure")]
    assert len(set(alone)) == len(alone)


def test_the_rows_of_own_texts_hold_no_target_and_those_of_given_ones_what_carries_loss() -> None:
    drawn, given = (task(taught(over=over), "rows of stage agree").body for over in ("student", "rows"))
    assert isinstance(drawn, RowsBody)
    assert isinstance(given, RowsBody)
    assert (drawn.loss_on, given.loss_on) == ((), ("thinking", "step", "answer"))


def test_the_report_tells_of_the_stage_that_taught() -> None:
    (report,) = sealed(taught(teacher="compress")).plan.reports
    assert cast(ReportBody, report.task.body).stages == ("structure", "compress", "agree")


def test_the_preflight_compares_a_teacher_with_the_model_its_student_began_with() -> None:
    demands = cast(PreflightBody, preflight(sealed(taught(teacher="own", top_k=32)).plan.tasks).body).demands
    (asked,) = (demand for demand in demands if demand.pupils)
    assert (asked.model.kind, asked.path) == ("input", "specs/models/own")
    (pupil,) = asked.pupils
    assert (pupil.model.kind, pupil.top_k) == ("builtin", 32)


def test_a_larger_teacher_takes_longer_and_more_memory_and_one_of_unknown_size_is_unknown() -> None:
    def cost(data: dict[str, Any]) -> Any:
        tasks = parts(data)
        return estimator(tasks, Known()).cost(tasks["stage agree"].id)

    data = taught()
    small, large, unknown = (copy.deepcopy(data) for _ in range(3))
    small["models"]["teacher"] = {"hub": "some/model-1B"}
    large["models"]["teacher"] = {"hub": "some/model-70B"}
    unknown["models"]["teacher"] = {"hub": "some/model"}
    assert cost(small).seconds.value < cost(large).seconds.value
    assert cost(small).memory.value < cost(large).memory.value
    assert "teacher" in cost(large).memory.text
    assert cost(unknown).seconds.value is cost(unknown).memory.value is None
