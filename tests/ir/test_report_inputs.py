"""What a report shows beside its figures: made on the way to them, and so no part of its identity."""

from __future__ import annotations

import pytest

from cotspec.back.payloads import payload
from cotspec.ir.plan import Plan, Read, Task
from cotspec.spec.identity import fingerprint, id_of
from tests.support import sealed, spec_data


@pytest.fixture(params=["small", "everything"])
def plan(request: pytest.FixtureRequest) -> Plan:
    return sealed(spec_data(request.param)).plan


def behind(plan: Plan, task: Task) -> set[str]:
    """Every task on the way to what decides a report."""
    by_id = {each.id: each for each in plan.tasks}
    left, found = [read.task for role, read in task.reads.items() if task.body.decides(role)], set[str]()
    while left:
        id = left.pop()
        if id and id not in found:
            found.add(id)
            left += [read.task for read in by_id[id].reads.values()]
    return found


def test_all_that_is_shown_is_made_on_the_way_to_what_decides(plan: Plan) -> None:
    for report in plan.reports:
        on_the_way = behind(plan, report.task)
        shown = {role: read for role, read in report.task.reads.items() if not report.task.body.decides(role)}
        assert shown.pop("spec/settings.yaml") == Read("", f"generated/reports/{report.name}/settings.yaml")
        assert shown
        assert {read.task for read in shown.values()} <= on_the_way


def test_a_report_is_the_same_task_with_what_it_shows_and_without(plan: Plan) -> None:
    for report in plan.reports:
        task = report.task
        decisive = {role: read for role, read in task.reads.items() if task.body.decides(role)}
        assert set(decisive) < set(task.reads)
        bare = fingerprint(task.body, kernel=task.kernel, inputs=decisive)
        assert task.id == f"report-{bare[:12]}"
        folder = f"generated/reports/{report.name}"
        assert id_of(payload(folder, task), folder) == task.id


def test_a_report_shows_answers_logs_counts_gates_and_texts(plan: Plan) -> None:
    for report in plan.reports:
        roles = set(report.task.reads)
        for table in report.task.body.tables:  # type: ignore[attr-defined]
            assert {table.answers(label) for label in table.labels} <= roles
        for stage in report.task.body.stages:  # type: ignore[attr-defined]
            assert f"stages/{stage}/train/log.jsonl" in roles
            sampled = f"stages/{stage}/train/samples.jsonl" in roles
            assert sampled is report.task.reads[f"stage.{stage}"].task.startswith("grpo-")
            assert any(role.startswith(f"stages/{stage}/rows") and role.endswith("counts.json") for role in roles)
        files = {role.rpartition("/")[2] for role in roles}
        assert {"gate.json", "traces.jsonl"} <= files


def test_only_a_report_has_inputs_that_decide_nothing(plan: Plan) -> None:
    for task in plan.tasks:
        assert all(task.body.decides(role) for role in task.reads)
