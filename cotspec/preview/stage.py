"""One stage in a plan: the tasks that decide what it trains on. Knows plans; reads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from cotspec.cot.conditions import OF_PAYLOADS
from cotspec.diagnostics.suggest import did_you_mean, near
from cotspec.ir import defaults
from cotspec.ir.plan import Plan, Read, Task
from cotspec.preview import drawn
from cotspec.spec.payload import (
    Body,
    CompareBody,
    DataBody,
    MixBody,
    Pick,
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
class PlannedStage:
    """A stage, with the tasks its rows come from."""

    experiment: str
    name: str
    rows: RowsBody
    train: TrainBody
    data: DataBody
    wanted: Task
    """The task whose records its rows are made of."""
    traces: Task | None
    """The task that keeps the texts that those were made over, or that they are; None of questions alone."""
    texts: tuple[str, ...] = ()
    """The texts of a record, nearest first, by name."""
    drawn: tuple[tuple[str, ...], ...] = ()
    """What is done to each of them while it is drawn (cotspec.preview.drawn)."""
    shared: Mapping[str, tuple[str, Read]] = field(default_factory=dict)
    """The gathered texts that prompts show, by their names in payloads: what a spec calls them, and where they lie."""
    mixed: bool = False
    """Whether its rows are those of one of several sources."""
    file: str = ""
    """The data file that the records are rows of, by its path in the project; "" where somebody writes texts first, or
    the data is of another kind."""

    @property
    def keep(self) -> TracesBody:
        """Which texts go on."""
        if self.traces is not None:
            return _body(self.traces, TracesBody)
        return TracesBody(
            format=self.rows.format,
            answer="any",
            at_least=0,
            at_most=defaults.NO_LIMIT,
            pick=Pick(kind="first", shortest=0.0, seed=0),
        )

    @property
    def tries(self) -> Task | None:
        """The task that finds the failures or pairs it trains on; None when it trains on kept texts or on questions."""
        return self.wanted if isinstance(self.wanted.body, TryBody | CompareBody) else None

    @property
    def tried(self) -> TryBody | None:
        """How failures, or pairs of tries, are found."""
        return self.wanted.body if isinstance(self.wanted.body, TryBody) else None


def find(plan: Plan, name: str, *, variant: str = "", source: str = "") -> PlannedStage:
    """The stage `name` of the one spec in `plan`, or of a variant of it, with rows from `source` where it has several
    ("": the first). Raises PreviewError when there is none."""
    experiment = _experiment(plan, variant)
    parts = {label.part: task for task in plan.tasks for label in task.labels if label.experiment == experiment}
    stages = [part.removeprefix("stage ") for part in parts if part.startswith("stage ")]
    if name not in stages:
        raise PreviewError(f"`{experiment}` has no stage `{name}`: {did_you_mean(near(name, stages), stages)}")
    by_id = {task.id: task for task in plan.tasks}
    rows = _rows(parts, name, source)
    read = next(read for role, read in rows.reads.items() if not OF_PAYLOADS.fullmatch(role))
    behind = list(_behind(by_id[read.task], by_id))
    written = [task for task in behind if task.body.kind in ("teach", "text", "mine", "pairs")]
    called = {
        task.id: part.partition(" ")[2] for part, task in parts.items() if part.startswith(("generation ", "pairs "))
    }
    texts = [task for task in written if not isinstance(task.body, TryBody)]
    named = {task.id: part for part, task in reversed([*parts.items()])}
    return PlannedStage(
        experiment=experiment,
        name=name,
        rows=_body(rows, RowsBody),
        train=_body(parts[f"stage {name}"], TrainBody),
        data=_body(behind[-1], DataBody),
        wanted=behind[0],
        traces=next((task for task in behind if isinstance(task.body, TracesBody)), None),
        texts=tuple(called.get(task.id, "") for task in texts),
        drawn=tuple(tuple(drawn.told(task, named)) for task in texts),
        shared={
            role: (called.get(each.task, ""), each) for role, each in rows.reads.items() if OF_PAYLOADS.fullmatch(role)
        },
        mixed=isinstance(parts[f"rows of stage {name}"].body, MixBody),
        file="" if written or "file" not in behind[-1].reads else behind[-1].reads["file"].file,
    )


def _rows(parts: Mapping[str, Task], name: str, source: str) -> Task:
    """The task that makes the rows of a stage, or those of one of its sources."""
    whole = f"rows of stage {name}"
    if not isinstance(parts[whole].body, MixBody):
        return parts[whole]
    names = [part.partition(" from ")[2] for part in parts if part.startswith(f"{whole} from ")]
    if source and source not in names:
        raise PreviewError(f"stage `{name}` has no rows from `{source}`: {did_you_mean(near(source, names), names)}")
    return parts[f"{whole} from {source or names[0]}"]


def _behind(task: Task, by_id: Mapping[str, Task]) -> Iterator[Task]:
    """A task that hands on records, the one whose records it is made of, …, the data set."""
    yield task
    role = next((role for role in ("traces", "rollouts", "problems") if role in task.reads), None)
    if role is not None:
        yield from _behind(by_id[task.reads[role].task], by_id)


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
