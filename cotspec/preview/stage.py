"""One stage in a plan: the tasks that decide what it trains on. Knows plans; reads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

from cotspec.diagnostics.suggest import did_you_mean, near
from cotspec.ir.plan import Plan, Task
from cotspec.spec.payload import (
    Body,
    DataBody,
    RowsBody,
    TracesBody,
    TrainBody,
    TryBody,
)

B = TypeVar("B", bound=Body)
_BETWEEN: Final = "--"
"""Between the names of a spec and its variant; no other name holds it."""
_LISTED: Final = 5


class PreviewError(ValueError):
    """There is nothing to show for what was asked; the message says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A stage, with the tasks its rows come from."""

    experiment: str
    name: str
    rows: RowsBody
    train: TrainBody
    data: DataBody
    traces: Task
    tries: Task | None
    """The task that finds the failures or pairs it trains on; None when it trains on the teacher's traces."""

    @property
    def keep(self) -> TracesBody:
        """Which rollouts become traces."""
        return _body(self.traces, TracesBody)

    @property
    def tried(self) -> TryBody | None:
        """How failures or pairs are found."""
        return None if self.tries is None else _body(self.tries, TryBody)


def find(plan: Plan, name: str, *, variant: str = "") -> Stage:
    """The stage `name` of the one spec in `plan`, or of a variant of it. Raises PreviewError when there is none."""
    experiment = _experiment(plan, variant)
    parts = {label.part: task for task in plan.tasks for label in task.labels if label.experiment == experiment}
    stages = [part.removeprefix("stage ") for part in parts if part.startswith("stage ")]
    if name not in stages:
        raise PreviewError(f"`{experiment}` has no stage `{name}`: {did_you_mean(near(name, stages), stages)}")
    by_id = {task.id: task for task in plan.tasks}
    rows = parts[f"rows of stage {name}"]
    tries = next((by_id[read.task] for role, read in rows.reads.items() if role != "traces"), None)
    traces = by_id[(tries or rows).reads["traces"].task]
    teach = by_id[traces.reads["rollouts"].task]
    return Stage(
        experiment=experiment,
        name=name,
        rows=_body(rows, RowsBody),
        train=_body(parts[f"stage {name}"], TrainBody),
        data=_body(by_id[teach.reads["problems"].task], DataBody),
        traces=traces,
        tries=tries,
    )


def _experiment(plan: Plan, variant: str) -> str:
    """The name of the spec's experiment, or of a variant's: `<spec>--<variant>`."""
    names = [report.name for report in plan.reports]
    (spec,) = (name for name in names if _BETWEEN not in name)
    if not variant:
        return spec
    variants = [name.partition(_BETWEEN)[2] for name in names if name != spec]
    if variant in variants:
        return f"{spec}{_BETWEEN}{variant}"
    if not variants:
        raise PreviewError(f"`{spec}` has no variants")
    more = f", and {len(variants) - _LISTED:,} more" if len(variants) > _LISTED else ""
    advice = did_you_mean(near(variant, variants)) or did_you_mean((), variants[:_LISTED]) + more
    raise PreviewError(f"`{spec}` has no variant `{variant}`: {advice}")


def _body(task: Task, kind: type[B]) -> B:
    if not isinstance(task.body, kind):
        raise TypeError(f"{task.id} is no {kind.__name__}")
    return task.body
