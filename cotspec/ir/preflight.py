"""The preflight of a plan: what all its tasks ask of models and of Parquet files, as one task that every chain waits
for.

It is no part of a plan's tasks and of no identity: it has one place and one result (`PreflightBody`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from cotspec.ir import launches
from cotspec.ir.bodies import AskedRef
from cotspec.ir.plan import Label, Task
from cotspec.spec.identity import ID_DIGITS, fingerprint, slug
from cotspec.spec.payload import (
    DataBody,
    Demand,
    EndpointModel,
    FileData,
    FirstWeights,
    GateBody,
    GenerateBody,
    InputModel,
    PreflightBody,
    ProbabilitiesBody,
    Pupil,
    RewardedBody,
    SuiteBody,
    Table,
    TaughtBody,
    TextBody,
    TrainBody,
    WrittenBody,
)


class _Need(NamedTuple):
    """What a task asks of the model it loads, or of the one that this was trained from."""

    model: AskedRef
    path: str = ""
    max_new_tokens: int = 0
    tensor_parallel: int = 0
    targets: tuple[str, ...] = ()
    pupils: tuple[Pupil, ...] = ()


def preflight(tasks: Iterable[Task]) -> Task:
    """The task that asks every model of `tasks`, equal demands once."""
    by_id = {task.id: task for task in tasks}
    by_need: dict[str, tuple[_Need, list[Task]]] = {}
    for task in by_id.values():
        for need in _needs(task, by_id):
            by_need.setdefault(repr(need), (need, []))[1].append(task)
    demands = tuple(_demand(need, who) for need, who in by_need.values())
    tables = tuple(_tables(by_id.values()))
    trackers = tuple(sorted({task.launch.settings.track for task in by_id.values()} - {""}))
    suites = tuple(str(label) for task in by_id.values() if isinstance(task.body, SuiteBody) for label in task.labels)
    asks = any(isinstance(each.model, EndpointModel) for each in demands)
    experiments = _experiments(by_id.values()) if asks else ()
    body = PreflightBody.model_construct(
        demands=demands, tables=tables, trackers=trackers, suites=suites, experiments=experiments
    )
    return Task(
        id=f"{slug(body)}-{fingerprint(body, kernel={}, inputs={})[:ID_DIGITS]}",
        body=body,
        kernel={},
        reads={},
        launch=launches.plain(),
        labels=(Label("preflight", "every experiment"),),
    )


def _tables(tasks: Iterable[Task]) -> Iterator[Table]:
    """The data files that only a library can read: they are looked at before anything runs."""
    for task in tasks:
        read, source = task.reads.get("file"), task.body.source if isinstance(task.body, DataBody) else None
        if isinstance(source, FileData) and read is not None and isinstance(task.body, DataBody):
            from cotspec.files import tables  # here: most specs name no data file

            # Of a folder the name says nothing: the preflight sees what is in it.
            if tables.kind(read.file).format == "parquet" or not PurePosixPath(read.file).suffix:
                asked, rows = tuple(map(str, task.labels)), task.body.slice
                yield Table.model_construct(path=read.file, source=source, end=rows.end, asked=asked, first=rows.first)


def _demand(need: _Need, asking: Sequence[Task]) -> Demand:
    who = tuple(str(label) for task in asking for label in task.labels)
    if not isinstance(need.model, EndpointModel):
        return Demand.model_construct(**need._asdict(), asked=who)
    ids = tuple(task.id for task in asking)
    return Demand.model_construct(**need._asdict(), asked=who, tasks=ids, experiments=_experiments(asking))


def _experiments(tasks: Iterable[Task]) -> tuple[str, ...]:
    return tuple(sorted({label.experiment for task in tasks for label in task.labels}))


def _needs(task: Task, by_id: Mapping[str, Task]) -> Iterator[_Need]:
    """What a task asks of the model it loads, of its teacher and of its judges."""
    need = _need(task)
    if need is not None:
        need = _rooted(need, task, by_id)
        yield need
        body = task.body
        if isinstance(body, TaughtBody) and not isinstance(body.teacher, FirstWeights):
            assert not isinstance(need.model, EndpointModel)  # noqa: S101 - what is trained has weights
            pupil = Pupil.model_construct(model=need.model, path=need.path, top_k=body.top_k)
            other_need = need._replace(model=body.teacher, path="", targets=(), pupils=(pupil,))
            yield _rooted(other_need, task, by_id, "teacher")
        others = [(one.model, one.input) for one in body.tilt] if isinstance(body, WrittenBody) else []
        others += [(model, "revise") for model in body.revise] if isinstance(body, TextBody) else []
        for model, role in others:
            assert not isinstance(need.model, EndpointModel)  # noqa: S101 - a rule refuses it
            pupil = Pupil.model_construct(model=need.model, path=need.path, top_k=0)
            yield _rooted(_Need(model, pupils=(pupil,)), task, by_id, role)
        for judge in body.judges if isinstance(body, RewardedBody) else ():
            other_need = _Need(judge.model, max_new_tokens=judge.sampling.max_new_tokens)
            yield _rooted(other_need, task, by_id, judge.role)


def _need(task: Task) -> _Need | None:
    """What a task needs of the model it loads; None for a task that loads none."""
    body, parallel = task.body, task.launch.settings.tensor_parallel
    match body:
        case GenerateBody(model=EndpointModel() as model):
            return _Need(model)
        case ProbabilitiesBody():
            return _Need(body.model)
        case GenerateBody():
            return _Need(body.model, max_new_tokens=body.sampling.max_new_tokens, tensor_parallel=parallel)
        case GateBody() if "problems" in task.reads:
            own = InputModel.model_construct(chat=body.chat, trust_remote_code=body.trust_remote_code)
            return _Need(own, max_new_tokens=body.sampling.max_new_tokens, tensor_parallel=parallel)
        case TrainBody():
            new = 0 if body.drawn is None else body.drawn.max_new_tokens
            return _Need(body.start, max_new_tokens=new, targets=body.lora.targets)
        case _:
            return None


def _rooted(need: _Need, task: Task, by_id: Mapping[str, Task], role: str = "model") -> _Need:
    """The need, asked of the model that a chain of stages begins with: its files are there before the first stage
    runs."""
    while isinstance(need.model, InputModel):
        read = task.reads[role] if role in task.reads else task.reads["stage"]
        if not read.task:
            return need._replace(path=read.file)
        task = by_id[read.task]
        if not isinstance(task.body, TrainBody):
            raise TypeError(f"{task.id} leaves no model")
        need, role = need._replace(model=task.body.start), "model"
    return need
