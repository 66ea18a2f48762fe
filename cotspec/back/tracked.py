"""What DVC's own commands show of an experiment, as the dvc.yaml of its report declares it: the figures of its models
(`dvc metrics`), its settings (`dvc params`), its answers and curves (`dvc plots`).

All of it stands at the top of the file and not in its stage: it is neither a dependency nor an out, so it makes nothing
run and changes no key of the run cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from cotspec.ir.plan import Plan, Task
from cotspec.spec.artifact_names import METRICS, SETTINGS, answers_plot, training_plot
from cotspec.spec.payload import ReportBody, TrainBody
from cotspec.trainers import trainer_of

_OUT: Final = "out"
_LOG: Final = "log.jsonl"


class Plot(NamedTuple):
    """A drawing: one field of one or several files over another one."""

    title: str
    template: str
    x: str
    x_label: str
    y: str
    y_label: str
    files: tuple[str, ...]


class Tracked(NamedTuple):
    """What is declared."""

    metrics: str
    params: str
    plots: tuple[Plot, ...]


def tracked(plan: Plan) -> Mapping[str, Tracked]:
    """What the report of each experiment declares, by its task's id."""
    tasks = {task.id: task for task in plan.tasks}
    return {
        report.task.id: Tracked(f"{_OUT}/{METRICS}", SETTINGS, tuple(_plots(report.task, tasks)))
        for report in plan.reports
    }


def _plots(report: Task, tasks: Mapping[str, Task]) -> Iterator[Plot]:
    body = report.body
    assert isinstance(body, ReportBody)  # noqa: S101 - a report's task has no other
    for table in body.tables:
        on, file = f" on {table.name}" if table.name else "", f"{_OUT}/{answers_plot(table.name)}"
        for field in ("accuracy", "tokens"):
            title = f"{field}{on} of {body.name}"
            yield Plot(title, "bar_horizontal", field, field, "model", "model", (file,))
    for field, stages in _curves(report, body, tasks).items():
        files = tuple(f"{_OUT}/{training_plot(stage)}" for stage in stages)
        yield Plot(f"{field} in training, {body.name}", "simple", "step", "optimizer step", field, field, files)


def _curves(report: Task, body: ReportBody, tasks: Mapping[str, Task]) -> dict[str, list[str]]:
    """The stages that log a number, by number; those that the rows descend from come first, in their order."""
    logs = {role.split("/")[1]: read for role, read in report.reads.items() if role.endswith(f"/train/{_LOG}")}
    curves: dict[str, list[str]] = {}
    for stage in dict.fromkeys((*body.stages, *logs)):
        trained = tasks[logs[stage].task].body
        if isinstance(trained, TrainBody):
            for field in trainer_of(trained).curves(trained):
                curves.setdefault(field, []).append(stage)
    return curves
