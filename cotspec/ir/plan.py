"""The intermediate representation: a Draft of named tasks becomes a sealed Plan of identified ones.

Draft and Plan are different types, so emitting before sealing is a type error. Everything is frozen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from cotspec.spec.payload import Body, RunSettings
from cotspec.spec.resources import JobFile, Strategy

Launcher = Literal["python", "accelerate"]


class Launch(NamedTuple):
    """How a task is started; never part of an identity."""

    launcher: Launcher
    settings: RunSettings
    strategy: Strategy
    precision: Literal["fp32", "bf16", "fp16"]
    jobs: tuple[JobFile, ...] = ()
    """The job files it gets."""
    max_grad_norm: float = 0.0
    """Gradient clipping of a training task: DeepSpeed clips by itself and has to be told."""
    nodes: int = 1
    """Machines, each with the GPUs of `settings`."""


class Read(NamedTuple):
    """An input: `file` inside the out folder of the task `task` ("" is the whole folder), or, when `task` is "", a path
    of the project."""

    task: str
    file: str


class Label(NamedTuple):
    """What a person would call a task: `stage structure`, and the experiment that needs it."""

    part: str
    experiment: str

    def __str__(self) -> str:
        return f"{self.part} of {self.experiment}"


class DraftTask(NamedTuple):
    """A task under a name that is unique in its draft, e.g. `bridge-tiny/structure/rows`."""

    name: str
    body: Body
    reads: Mapping[str, Read]
    launch: Launch
    label: Label


class Draft(NamedTuple):
    """All tasks of all experiments, producers before consumers. Report tasks have a ReportBody."""

    tasks: tuple[DraftTask, ...]


class Task(NamedTuple):
    """A task with an identity. Equal ids are one task; `labels` names everyone who needs it."""

    id: str
    body: Body
    kernel: Mapping[str, int]
    reads: Mapping[str, Read]
    launch: Launch
    labels: tuple[Label, ...]


class Report(NamedTuple):
    """The last task of one experiment; `name` is the experiment's, so it is never shared."""

    name: str
    task: Task


class Plan(NamedTuple):
    """What back ends accept: tasks by id in build order, and one report per experiment."""

    tasks: tuple[Task, ...]
    reports: tuple[Report, ...]
