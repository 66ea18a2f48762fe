"""What estimates ask of a project and this machine: measured runs, rows in numbers, configurations of models.

Each file is read once. Whatever cannot be read counts as not there; it is not this module's place to say what is wrong
with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cached_property
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Final

from cotspec.back import places
from cotspec.estimate.facts import Lines, Selected
from cotspec.estimate.model_size import Model
from cotspec.files import plain, regular
from cotspec.front import local
from cotspec.history import existing_texts, model_sizes
from cotspec.history.locks import Cache
from cotspec.ir.plan import Launch, Read, Task
from cotspec.spec.local import Local
from cotspec.spec.payload import BuiltinModel, HubModel, ReportBody, RowsBody, TrainBody

MOST: Final = 500
"""Lines of a file that means are taken of: enough to know a mean to some percent."""
_LONGEST: Final = 10_000_000
"""Bytes of a line that is looked at; a longer one was not written by a task."""
_MOST_READ: Final = 1 << 32
"""Bytes of a file whose lines are counted."""
NEWEST: Final = 100
"""Tasks of earlier plans that estimates are compared with, the latest ones."""


class ProjectFacts:
    """The project in `root`. `gpu` names the device of GPU tasks; without it cotspec.local.yaml does."""

    def __init__(self, root: Path, *, gpu: str | None = None) -> None:
        self._root, self._gpu = root, gpu
        self._lines: dict[Read, Lines | None] = {}
        self._took: dict[str, Mapping[str, object]] = {}
        self._given: dict[str, Lines | None] = {}
        self._selected: dict[tuple[str, str, int, int], Selected | None] = {}
        self._models: dict[object, Model | None] = {}

    @property
    def gpu(self) -> str:
        """The device of tasks that use a GPU."""
        return self._gpu or self.local.device

    @cached_property
    def cores(self) -> int:
        """Cores as the runtime counts them: OMP_NUM_THREADS, else those this process may use."""
        told = os.environ.get("OMP_NUM_THREADS", "")
        if told.isdigit() and int(told):
            return int(told)
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    @cached_property
    def local(self) -> Local:
        """cotspec.local.yaml; the defaults where it is missing or wrong (`cotspec check` says so)."""
        return local.settings(self._root)

    @cached_property
    def _within(self) -> tuple[Path, ...]:
        """The folders that results may lie in."""
        return Cache(self._root).within

    # --- earlier runs -------------------------------------------------------------------------------------------------

    @cached_property
    def _there(self) -> frozenset[str]:
        """Ids that have a folder: most tasks of a new plan have none, and need no look at the disk."""
        try:
            return frozenset(os.listdir(self._root / places.STAGES))
        except OSError:
            return frozenset()

    def lines(self, read: Read) -> Lines | None:
        """A JSON-lines file in numbers."""
        if read.task and read.task not in self._there:
            return None
        if read not in self._lines:
            told = f"{read.file} of {read.task}" if read.task else read.file
            self._lines[read] = _lines(self._root / places.read_path(read), told, self._within)
        return self._lines[read]

    def given(self, task: Task) -> Lines | None:
        """What the task of a data set will hand on, where a file of the project tells."""
        if task.id not in self._given:
            self._given[task.id] = existing_texts.lines(task, self._root)
        return self._given[task.id]

    def selected(self, task: Task, rows: RowsBody) -> Selected | None:
        """What `rows` takes by its condition of the records of a task, where they are there."""
        key = task.id, rows.where, rows.slice.first, rows.slice.end
        if key not in self._selected:
            self._selected[key] = existing_texts.selected(task, rows, self._root)
        return self._selected[key]

    def seconds(self, task: Task) -> float | None:
        """How long the last run of a task took."""
        return self._measured(task, "seconds")

    def memory(self, task: Task) -> float | None:
        """The most bytes that the last run of a task held."""
        return self._measured(task, "memory")

    def _measured(self, task: Task, name: str) -> float | None:
        if task.id not in self._took:
            self._took[task.id] = self._last_run(task)
        try:
            return float(plain.number(self._took[task.id].get(name)))
        except plain.DataError:
            return None

    def _last_run(self, task: Task) -> Mapping[str, object]:
        place = self._place(task)
        if place is None:
            return {}
        try:
            return plain.json_object(place / "last-run.json", within=(self._root,))
        except plain.DataError:
            return {}

    def _place(self, task: Task) -> Path | None:
        if isinstance(task.body, ReportBody):
            return self._root / places.report_folder(task.body.name)
        return self._root / places.stage_folder(task.id) if task.id in self._there else None

    def others(self, known: Mapping[str, Task]) -> dict[str, Task]:
        """Measured tasks of earlier plans and what they read, by id: the latest, as their own files describe them."""
        stages = self._root / places.STAGES
        measured = []
        for name in self._there - known.keys():
            try:
                measured.append(((stages / name / "last-run.json").stat().st_mtime_ns, name))
            except OSError:
                continue
        tasks: dict[str, Task] = {}
        waiting = [name for _, name in sorted(measured, reverse=True)[:NEWEST]]
        while waiting:
            name = waiting.pop()
            if name in tasks or name in known or (task := _task(stages / name, self._root)) is None:
                continue
            tasks[name] = task
            waiting += [read.task for read in task.reads.values() if read.task]
        return tasks

    # --- models -------------------------------------------------------------------------------------------------------

    def model(self, ref: BuiltinModel | HubModel | Read) -> Model | None:
        """The configuration of a model, where this machine has it or it was published."""
        key = ref if isinstance(ref, Read) else (ref.kind, getattr(ref, "id", ""), getattr(ref, "name", ""))
        if key not in self._models:
            self._models[key] = model_sizes.of(ref, self._root, self.local)
        return self._models[key]


# --- reading ----------------------------------------------------------------------------------------------------------


def _lines(place: Path, told: str, within: tuple[Path, ...]) -> Lines | None:
    texts: dict[str, list[float]] = {}
    numbers: dict[str, list[float]] = {}
    looked = 0
    try:
        with regular.opened(place, within=within) as file:
            for line in islice(regular.lines(file, longest=_LONGEST), MOST):
                looked += 1
                _look(plain.json_value(line), texts, numbers)
            rest = _rest(file, looked)
    except (OSError, ValueError, AttributeError):
        return None
    if not looked:
        return None
    return Lines(
        file=told,
        total=looked + rest,
        looked=looked,
        chars={name: sum(some) / looked for name, some in texts.items()},
        longest={name: max(some) for name, some in texts.items()},
        means={name: sum(some) / len(some) for name, some in numbers.items()},
        largest={name: max(some) for name, some in numbers.items()},
    )


def _look(record: dict[str, object], texts: dict[str, list[float]], numbers: dict[str, list[float]]) -> None:
    for name, value in record.items():
        if isinstance(value, str):
            texts.setdefault(name, []).append(len(value))
        elif isinstance(value, int | float) and type(value) is not bool and abs(value) < plain.MOST_COUNTED:
            numbers.setdefault(name, []).append(float(value))


def _rest(file: BufferedReader, looked: int) -> int:
    """How many lines follow; of a file that is too long to be looked through, about how many."""
    size, begun = os.fstat(file.fileno()).st_size, file.tell()
    if size > _MOST_READ:
        return (size - begun) * looked // max(begun, 1)
    return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _files(place: Path, root: Path) -> list[bytes]:
    """payload.json and run.json of a task; where a build has taken them away, as its last run wrote them down."""
    if (place / "payload.json").exists():
        return [regular.content(place / name, most=_LONGEST, within=(root,)) for name in ("payload.json", "run.json")]
    last = plain.json_object(place / "last-run.json", most=_LONGEST, within=(root,))
    return [json.dumps(last.get(name)).encode() for name in ("payload", "run")]


def _task(place: Path, root: Path) -> Task | None:
    """A task as its own files describe it; None when another version wrote them."""
    from cotspec.spec.payload import Payload, RunSettings  # here: only who has run something needs the validators

    try:
        texts = _files(place, root)
        for text in texts:
            plain.json_value(text)  # what the validators do not look at: the length of numbers
        payload, settings = Payload.model_validate_json(texts[0]), RunSettings.model_validate_json(texts[1])
    except (OSError, ValueError):
        return None
    body = payload.task
    reads = {}
    for role, given in payload.inputs.items():
        inside = given.path.partition(f"{places.OUT}/")[2] if given.producer else ""
        path = inside if given.producer else os.path.normpath(f"{places.STAGES}/{payload.id}/{given.path}")
        reads[role] = Read(given.producer, path)
    launch = Launch(
        launcher="accelerate" if isinstance(body, TrainBody) else "python",
        settings=settings,
        strategy="ddp",  # how it was spread is not in these files; what is compared is one device or CPU time
        precision=body.precision if isinstance(body, TrainBody) else "fp32",
    )
    return Task(id=payload.id, body=body, kernel=payload.kernel, reads=reads, launch=launch, labels=())
