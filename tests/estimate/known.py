"""A project held in memory: what earlier runs left there and which models it knows, as a test says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cotspec.estimate import Estimator, Lines
from cotspec.estimate.facts import Selected
from cotspec.estimate.model_size import Model, Shape, parameters
from cotspec.ir.plan import Read, Task
from cotspec.spec.payload import BuiltinModel, HubModel, RowsBody
from tests.support import sealed

SHAPE = Shape(3, 128, 384, 128, 128, 32, 544, True, False, False, False, False)
TINY = Model(parameters(SHAPE), parameters(SHAPE), SHAPE, "fp32", 0, "N from a test")


@dataclass(kw_only=True)
class Known:
    """Facts by id and file; builtin models are tiny, hub models unknown but for their names."""

    gpu: str = "A100-80G"
    cores: int = 2
    files: dict[Read, Lines] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    held: dict[str, float] = field(default_factory=dict)
    left: dict[str, Selected] = field(default_factory=dict)

    def lines(self, read: Read) -> Lines | None:
        return self.files.get(read)

    def given(self, task: Task) -> Lines | None:
        return self.files.get(task.reads["file"]) if "file" in task.reads else None

    def selected(self, task: Task, rows: RowsBody) -> Selected | None:
        return self.left.get(task.id)

    def model(self, ref: BuiltinModel | HubModel | Read) -> Model | None:
        return TINY if isinstance(ref, BuiltinModel) else None

    def seconds(self, task: Task) -> float | None:
        return self.times.get(task.id)

    def memory(self, task: Task) -> float | None:
        return self.held.get(task.id)


def lines(name: str, total: int, *, chars: Mapping[str, float], tokens: float = 0.0, longest: float = 0.0) -> Lines:
    """A file of records with texts of one length each."""
    means = {"tokens": tokens} if tokens else {}
    largest = {"tokens": longest or tokens} if tokens else {}
    return Lines(name, total, total, chars, dict(chars), means, largest)


def parts(data: dict[str, Any]) -> dict[str, Task]:
    """The tasks of one spec by what a person calls them."""
    return {task.labels[0].part: task for task in sealed(data).tasks.values()}


def estimator(tasks: Mapping[str, Task], known: Known) -> Estimator:
    return Estimator({task.id: task for task in tasks.values()}, known)


def ran(tasks: Mapping[str, Task], known: Known, *, traces: int, tokens: float = 50.0) -> None:
    """The teacher of a spec has run: traces of 4 characters a token after questions of 80."""
    texts = {"question": 80.0, "trace": 4 * tokens}
    record = lines("traces.jsonl", traces, chars=texts, tokens=tokens, longest=2 * tokens)
    known.files[Read(tasks["traces teach"].id, "traces.jsonl")] = record
