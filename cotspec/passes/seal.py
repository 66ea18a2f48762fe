"""Draft → Plan: every task gets its fingerprint, tasks with equal fingerprints become one.

Knows nothing of specs or files. Labels and launch settings are carried along and decide nothing: where two drafts
share a task and launch it differently, the first one's way is kept and the difference is reported.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from cotspec.cot.versions import KERNEL
from cotspec.ir.graph import order
from cotspec.ir.plan import Draft, DraftTask, Label, Launch, Plan, Read, Report, Task
from cotspec.spec.identity import ID_DIGITS, fingerprint, slug
from cotspec.spec.payload import ReportBody


class SealError(RuntimeError):
    """A draft that is no graph, or two different tasks with one id: a bug, or one chance in 2^48 per pair of tasks."""


class Conflict(NamedTuple):
    """A shared task that two experiments would launch differently; `kept` is the first, in the draft's order."""

    id: str
    kept: str
    dropped: str
    """The other one; both are task names of the draft."""


class Sealed(NamedTuple):
    """The plan, and what was decided on the way."""

    plan: Plan
    conflicts: tuple[Conflict, ...]
    ids: Mapping[str, str]
    """The id that each task of the draft got, by its name there."""
    drafts: Mapping[str, Sequence[DraftTask]]
    """The tasks of each experiment, by its name, as they were drafted."""
    tasks: Mapping[str, Task]
    """Every task by id, reports too."""


def seal(draft: Draft) -> Sealed:
    """Return the plan of `draft`. Raises SealError."""
    sealer = _Sealer(_by_name(draft))
    for name in order({name: _needs(task) for name, task in sealer.drafts.items()}):
        sealer.add(sealer.drafts[name])
    sealed = [task._replace(labels=tuple(sealer.labels[task.id])) for task in sealer.tasks.values()]
    reports = (Report(name=t.body.name, task=t) for t in sealed if isinstance(t.body, ReportBody))
    tasks = tuple(t for t in sealed if not isinstance(t.body, ReportBody))
    plan = Plan(tasks=tasks, reports=tuple(sorted(reports, key=lambda report: report.name)))
    drafts: dict[str, list[DraftTask]] = {}
    for each in draft.tasks:
        drafts.setdefault(each.label.experiment, []).append(each)
    return Sealed(
        plan=plan,
        conflicts=tuple(sealer.conflicts),
        ids=sealer.ids,
        drafts=drafts,
        tasks={task.id: task for task in sealed},
    )


def of_experiments(sealed: Sealed, names: Collection[str]) -> Sealed:
    """Some experiments of a plan alone: their tasks, which are labelled with nobody else, launched as all have them."""
    drafts = {name: sealed.drafts[name] for name in sealed.drafts if name in names}
    needed = {sealed.ids[each.name] for own in drafts.values() for each in own}
    tasks = {
        id: task._replace(labels=tuple(label for label in task.labels if label.experiment in names))
        for id, task in sealed.tasks.items()
        if id in needed
    }
    plan = Plan(
        tasks=tuple(tasks[task.id] for task in sealed.plan.tasks if task.id in needed),
        reports=tuple(
            each._replace(task=tasks[each.task.id]) for each in sealed.plan.reports if each.task.id in needed
        ),
    )
    return sealed._replace(plan=plan, drafts=drafts, tasks=tasks)


def _by_name(draft: Draft) -> dict[str, DraftTask]:
    drafts = {task.name: task for task in draft.tasks}
    if len(drafts) != len(draft.tasks):
        raise SealError("two tasks of a draft have one name")
    for task in draft.tasks:
        for role, read in task.reads.items():
            if read.task and read.task not in drafts:
                raise SealError(f"nobody makes input `{role}` of {task.name}: there is no task {read.task}")
    return drafts


def _joined(first: Launch, other: Launch) -> Launch:
    """The first way, also for the schedulers that only the other one asks for."""
    known = {type(job) for job in first.jobs}
    return first._replace(jobs=(*first.jobs, *(job for job in other.jobs if type(job) not in known)))


def _kept(launch: Launch, asked: Launch) -> bool:
    """Whether a task that is launched so is launched as it was asked for."""
    return launch._replace(jobs=()) == asked._replace(jobs=()) and all(job in launch.jobs for job in asked.jobs)


def _needs(task: DraftTask) -> tuple[str, ...]:
    return tuple(read.task for read in task.reads.values() if read.task)


class _Sealer:
    """Sealed tasks by id, and the id that each draft name got."""

    def __init__(self, drafts: Mapping[str, DraftTask]) -> None:
        self.drafts = drafts
        self.tasks: dict[str, Task] = {}
        self.labels: dict[str, dict[Label, None]] = {}
        self.conflicts: list[Conflict] = []
        self.ids: dict[str, str] = {}
        self._prints: dict[str, str] = {}
        self._first: dict[str, str] = {}

    def add(self, draft: DraftTask) -> None:
        """Seal one task; all it needs is sealed."""
        kernel = {part: KERNEL[part] for part in sorted(draft.body.kernel_parts())}
        reads = {role: self._sealed(read) for role, read in sorted(draft.reads.items())}
        full = fingerprint(draft.body, kernel=kernel, inputs=reads)
        name = f"{slug(draft.body)}-{full[:ID_DIGITS]}"
        self.ids[draft.name] = name
        if self._prints.setdefault(name, full) != full:
            raise SealError(f"two different tasks have the id {name}")
        self.labels.setdefault(name, {})[draft.label] = None
        first = self.tasks.get(name)
        if first is None:
            self._first[name] = draft.name
            self.tasks[name] = Task(
                id=name, body=draft.body, kernel=kernel, reads=reads, launch=draft.launch, labels=()
            )
            return
        launch = _joined(first.launch, draft.launch)
        self.tasks[name] = first._replace(launch=launch)
        if not _kept(launch, draft.launch):
            self.conflicts.append(Conflict(id=name, kept=self._first[name], dropped=draft.name))

    def _sealed(self, read: Read) -> Read:
        return read._replace(task=self.ids[read.task]) if read.task else read
