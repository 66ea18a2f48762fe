"""One stage in a plan, or one generation of texts: the tasks that decide what records it is about. Knows plans; reads
nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from cotspec.cot.conditions import OF_PAYLOADS
from cotspec.diagnostics.suggest import did_you_mean, near
from cotspec.ir import bodies, defaults
from cotspec.ir.plan import Plan, Read, Task
from cotspec.preview import drawn
from cotspec.spec.payload import (
    Body,
    CompareBody,
    DataBody,
    GenerateBody,
    MixBody,
    Pick,
    Range,
    RowsBody,
    TraceFormat,
    TracesBody,
    TrainBody,
    TryBody,
)

B = TypeVar("B", bound=Body)
_BETWEEN: Final = "--"
"""Between the names of a spec and its variant; no other name holds it."""
_LISTED: Final = 5
_GENERATIONS: Final = ("generation ", "pairs ")
"""What the tasks that write texts are called in a plan, before the name of the texts."""


class PreviewError(ValueError):
    """There is nothing to show for what was asked; the message says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A part of an experiment that is made of records, with the tasks that those come from."""

    experiment: str
    name: str
    rows: RowsBody
    """How the records are read."""
    data: DataBody
    wanted: Task
    """The task whose records they are."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedStage(Planned):
    """A stage; its rows are made of the records."""

    train: TrainBody


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedText(Planned):
    """A generation; its texts are written over the records."""

    writer: GenerateBody
    by: str
    """Who writes them: a model by its own name, or the stage or folder that holds it."""
    done: tuple[str, ...]
    """What is done to each text while it is drawn (cotspec.preview.drawn)."""
    kept: TracesBody | None
    """Which of them go on; None where that is not asked of the texts themselves."""


def find(plan: Plan, name: str, *, variant: str = "", source: str = "") -> PlannedStage:
    """The stage `name` of the one spec in `plan`, or of a variant of it, with rows from `source` where it has several
    ("": the first). Raises PreviewError when there is none."""
    experiment, parts = _parts(plan, variant)
    stages = _names(parts, "stage ")
    if name not in stages:
        every = [*stages, *_names(parts, *_GENERATIONS)]
        message = f"`{experiment}` has no stage `{name}`, and no text `{name}` that something uses"
        raise PreviewError(f"{message}: {did_you_mean(near(name, every), every)}")
    rows = _rows(parts, name, source)
    read = next(read for role, read in rows.reads.items() if not OF_PAYLOADS.fullmatch(role))
    called = _called(parts)
    return PlannedStage(
        experiment=experiment,
        name=name,
        rows=_body(rows, RowsBody),
        train=_body(parts[f"stage {name}"], TrainBody),
        shared={
            role: (called.get(each.task, ""), each) for role, each in rows.reads.items() if OF_PAYLOADS.fullmatch(role)
        },
        mixed=isinstance(parts[f"rows of stage {name}"].body, MixBody),
        **_records(plan, parts, read),
    )


def find_text(plan: Plan, name: str, *, variant: str = "") -> PlannedText | None:
    """The texts that are called so in the one spec in `plan`, or in a variant of it; None where nobody writes such, or
    a stage is called so. Raises PreviewError where there is no such variant."""
    experiment, parts = _parts(plan, variant)
    task = next((parts[part] for kind in _GENERATIONS if (part := f"{kind}{name}") in parts), None)
    if task is None or f"stage {name}" in parts:
        return None
    body, kept = _body(task, GenerateBody), parts.get(f"traces {name}")
    form = next(each for part in parts.values() if isinstance(each := getattr(part.body, "format", None), TraceFormat))
    rows = RowsBody.model_construct(
        by="sft",
        task="solve",
        format=form,
        prompt=body.prompt,
        mask=bodies.mask(None),
        shuffle=False,
        loss_on=(),
        epochs=1,
        slice=getattr(body, "slice", Range(first=0, end=-1)),
        seed=body.seed,
    )
    titles = _titles(parts)
    return PlannedText(
        experiment=experiment,
        name=name,
        rows=rows,
        writer=body,
        by=drawn.called(task, body.model, "model", titles),
        done=tuple(drawn.told(task, titles)),
        kept=None if kept is None else _body(kept, TracesBody),
        **_records(plan, parts, task.reads[body.asks]),
    )


def _parts(plan: Plan, variant: str) -> tuple[str, dict[str, Task]]:
    """The name of an experiment, and its tasks by what each is of it."""
    experiment = _experiment(plan, variant)
    return experiment, {
        label.part: task for task in plan.tasks for label in task.labels if label.experiment == experiment
    }


def _names(parts: Mapping[str, Task], *kinds: str) -> list[str]:
    return [part.partition(" ")[2] for part in parts if part.startswith(kinds) and not part.startswith("pairs of ")]


def _called(parts: Mapping[str, Task]) -> dict[str, str]:
    """The names of texts, by the tasks that write them."""
    return {task.id: part.partition(" ")[2] for part, task in parts.items() if part.startswith(_GENERATIONS)}


def _titles(parts: Mapping[str, Task]) -> dict[str, str]:
    return {task.id: part for part, task in reversed([*parts.items()])}


def _records(plan: Plan, parts: Mapping[str, Task], read: Read) -> dict[str, Any]:
    """What is known of the records that are read: fields of a Planned."""
    by_id = {task.id: task for task in plan.tasks}
    behind = list(_behind(by_id[read.task], by_id))
    written = [task for task in behind if task.body.kind in ("teach", "text", "mine", "pairs")]
    called, titles = _called(parts), _titles(parts)
    texts = [task for task in written if not isinstance(task.body, TryBody)]
    data = _body(behind[-1], DataBody)
    texts += [behind[-1]] if data.source.trace else []
    called[behind[-1].id] = titles[behind[-1].id].partition(" ")[2]
    return {
        "data": data,
        "wanted": behind[0],
        "traces": next((task for task in behind if isinstance(task.body, TracesBody)), None),
        "texts": tuple(called.get(task.id, "") for task in texts),
        "drawn": tuple(tuple(drawn.told(task, titles)) for task in texts),
        "file": "" if written or "file" not in behind[-1].reads else behind[-1].reads["file"].file,
    }


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
