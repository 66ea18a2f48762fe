"""One stage in a plan: the tasks that decide what it trains on. Knows plans; reads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from cotspec.diagnostics.suggest import did_you_mean, near
from cotspec.ir.plan import Plan, Task
from cotspec.spec.payload import (
    Body,
    DataBody,
    GrpoBody,
    MineBody,
    RowsBody,
    SftBody,
    TracesBody,
)

B = TypeVar("B", bound=Body)


class PreviewError(ValueError):
    """There is nothing to show for what was asked; the message says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A stage, with the tasks its rows come from."""

    experiment: str
    name: str
    rows: RowsBody
    train: SftBody | GrpoBody
    data: DataBody
    traces: Task
    mine: Task | None
    """The task that finds the failures it trains on; None when it trains on the teacher's traces."""

    @property
    def keep(self) -> TracesBody:
        """Which rollouts become traces."""
        return _body(self.traces, TracesBody)

    @property
    def tried(self) -> MineBody | None:
        """How failures are found."""
        return None if self.mine is None else _body(self.mine, MineBody)


def find(plan: Plan, name: str) -> Stage:
    """The stage `name` of the one experiment in `plan`. Raises PreviewError when there is none."""
    (report,) = plan.reports
    by_label = {label: task for task in plan.tasks for label in task.labels}
    end = f" of {report.name}"
    stages = [label.removeprefix("stage ").removesuffix(end) for label in by_label if label.startswith("stage ")]
    if name not in stages:
        advice = did_you_mean(near(name, stages), stages)
        raise PreviewError(f"`{report.name}` has no stage `{name}`: {advice}")
    by_id = {task.id: task for task in plan.tasks}
    rows, train = by_label[f"rows of stage {name}{end}"], by_label[f"stage {name}{end}"]
    mine = by_id[rows.reads["failures"].task] if "failures" in rows.reads else None
    traces = by_id[(mine or rows).reads["traces"].task]
    teach = by_id[traces.reads["rollouts"].task]
    return Stage(
        experiment=report.name,
        name=name,
        rows=_body(rows, RowsBody),
        train=_trainer(train),
        data=_body(by_id[teach.reads["problems"].task], DataBody),
        traces=traces,
        mine=mine,
    )


def _trainer(task: Task) -> SftBody | GrpoBody:
    if isinstance(task.body, SftBody | GrpoBody):
        return task.body
    raise TypeError(f"{task.id} does not train")


def _body(task: Task, kind: type[B]) -> B:
    if not isinstance(task.body, kind):
        raise TypeError(f"{task.id} is no {kind.__name__}")
    return task.body
