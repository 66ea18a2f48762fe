"""Two experiments compared: which settings differ, which tasks do, and which setting is why. Knows specs and tasks.

Why a task differs is not looked up in a table but tried out: a changed setting is a cause of a task when putting the
old value back alone changes what the task computes. So it stays true for every setting and every kind of task.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from pydantic import ValidationError

from cotspec.builtin import digest
from cotspec.diagnostics import Span
from cotspec.diagnostics.source_map import Path
from cotspec.front.nodes import Data
from cotspec.front.prompts import prompt_paths
from cotspec.ir.inputs import inputs
from cotspec.ir.lower import ExperimentSource, LowerError, lower
from cotspec.ir.plan import DraftTask
from cotspec.spec.experiment import Experiment
from cotspec.spec.lock import Key
from cotspec.spec.payload import ReportBody
from cotspec.views.planned import Planned

State = Literal["same", "changed", "new", "gone"]
MOST_TRIED: Final = 200
"""Changed settings that are tried out one by one; of more, only their place in the spec says what they may concern."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A setting, or the text of a prompt file, that differs."""

    path: Path
    old: Data
    """None when it is not there."""
    new: Data
    old_span: Span | None
    """Where it is written; None for a default or nothing."""
    new_span: Span | None
    text: bool = False
    """The setting names the same file, and the file says something else."""
    locked: bool = False
    """It is an entry of the lock and not of the spec; `path` is then its key, below `lock`."""

    @property
    def name(self) -> str:
        """The dotted path of the setting."""
        return ".".join(map(str, self.path))


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskChange:
    """One task of an experiment, by what a person calls it."""

    part: str
    state: State
    old: str
    """Id on the old side; "" when it is not there."""
    new: str
    causes: tuple[Change, ...] = ()
    """Settings that change what the task itself computes."""
    kernel: tuple[str, ...] = ()
    """Parts of the kernel it uses whose version differs."""
    upstream: tuple[str, ...] = ()
    """Inputs that are other tasks now, by what a person calls them."""
    also: tuple[str, ...] = ()
    """What else it is called: other parts that are the same task."""


def settings(old: Planned, new: Planned) -> list[Change]:
    """Every setting that differs, in the order of the new side, then what is only in the old one."""
    before, after = old.values, new.values
    changed = [
        Change(path=path, old=before.get(path), new=value, old_span=old.span(path), new_span=new.span(path))
        for path, value in after.items()
        if path not in before or before[path] != value
    ]
    gone = [
        Change(path=path, old=value, new=None, old_span=old.span(path), new_span=None)
        for path, value in before.items()
        if path not in after
    ]
    return [*changed, *gone, *_prompts(old, new), *_locked(old, new)]


Tried = dict[str, Mapping[str, DraftTask]]
"""What has been tried out: tasks by part, by all that a spec consists of. Variants of a sweep have much in common."""


def tasks(old: Planned, new: Planned, changes: Sequence[Change], known: Tried | None = None) -> Iterator[TaskChange]:
    """Every task of both sides, in the order of the new plan; `changes` are the settings that differ.

    `known` is filled, and read by later comparisons that are given the same one.
    """
    before, after = old.tasks, new.tasks
    known = {} if known is None else known
    tried = list(_tried(new, changes[:MOST_TRIED], old, known))
    for part, task in after.items():
        was = before.get(part)
        if was is None:
            yield TaskChange(part=part, state="new", old="", new=task.id)
        elif was.id == task.id:
            yield TaskChange(part=part, state="same", old=was.id, new=task.id)
        else:
            draft = new.drafts[part]
            yield TaskChange(
                part=part,
                state="changed",
                old=was.id,
                new=task.id,
                causes=tuple(change for change, drafts in tried if _computes_else(draft, drafts.get(part))),
                kernel=tuple(
                    name for name in was.kernel if task.kernel.get(name, was.kernel[name]) != was.kernel[name]
                ),
                upstream=tuple(dict.fromkeys(_upstream(old, new, part))),
            )
    for part, was in before.items():
        if part not in after:
            yield TaskChange(part=part, state="gone", old=was.id, new="")


def once(tasks: Iterable[TaskChange]) -> Iterator[TaskChange]:
    """Each task a single time, also where several parts of an experiment share it on both sides."""
    shared: dict[tuple[str, str], list[TaskChange]] = {}
    for task in tasks:
        shared.setdefault((task.old, task.new), []).append(task)
    for first, *others in shared.values():
        if not others:
            yield first
            continue
        yield replace(
            first,
            causes=_unique(change for task in (first, *others) for change in task.causes),
            upstream=tuple(dict.fromkeys(name for task in (first, *others) for name in task.upstream)),
            also=tuple(task.part for task in others),
        )


def _unique(found: Iterable[Change]) -> tuple[Change, ...]:
    """In the order in which they come; values may be lists, which nothing can be looked up by."""
    return tuple({change.path: change for change in found}.values())


# --- settings ---------------------------------------------------------------------------------------------------------


def _prompts(old: Planned, new: Planned) -> Iterator[Change]:
    """Prompt files that are named as before and say something else."""
    before = dict(prompt_paths(old.loaded.experiment))
    for path, written in prompt_paths(new.loaded.experiment):
        same_name = before.get(path) == written
        if same_name and old.loaded.files.get(written) != new.loaded.files.get(written):
            here, there = new.span(path), old.span(path)
            yield Change(path=path, old=written, new=written, text=True, old_span=there, new_span=here)


def _locked(old: Planned, new: Planned) -> Iterator[Change]:
    """Commits of the hub that the same revisions are locked at."""
    before, after = (side.unit.source.locked for side in (old, new))
    digests = digest.manifest()
    hub_inputs = [{one.key for one in inputs(side.unit.source, digests) if one.on_hub} for side in (old, new)]
    for key in sorted(hub_inputs[0] & hub_inputs[1]):
        if before.get(key) != after.get(key):
            yield Change(
                path=("lock", *key),
                old=before.get(key),
                new=after.get(key),
                old_span=old.lock_span(key),
                new_span=new.lock_span(key),
                locked=True,
            )


# --- why --------------------------------------------------------------------------------------------------------------


def _tried(
    new: Planned, changes: Sequence[Change], old: Planned, known: Tried
) -> Iterator[tuple[Change, Mapping[str, DraftTask]]]:
    """Each change with the tasks of the new side without it. What cannot be undone alone, such as `rows.mix` in place
    of `rows.from`, is undone with its neighbours."""
    stuck: list[Change] = []
    for change in changes:
        if drafts := _undone(new, [change], old, known):
            yield change, drafts
        else:
            stuck.append(change)
    for change in stuck:
        group = change.path[:-1]
        yield change, _undone(new, [each for each in changes if each.path[: len(group)] == group], old, known)


def _undone(new: Planned, changes: Sequence[Change], old: Planned, known: Tried) -> Mapping[str, DraftTask]:
    """The tasks of the new side with some changes undone, by part; none when that is no spec."""
    files = dict(new.loaded.files)
    locked = dict(new.unit.source.locked)
    data = new.data()
    for change in changes:
        if change.locked:
            locked = _replaced(locked, change)
        elif change.text:
            files[str(change.old)] = old.loaded.files[str(change.old)]
        else:
            _put(data, change.path, change.old)
            files = {**old.loaded.files, **files}
    key = json.dumps([data, sorted(files.items()), sorted(locked.items()), new.unit.source.folder])
    if key not in known:
        known[key] = _lowered(new.unit.source._replace(prompts=files, locked=locked), data)
    return {part: _as(new.name, task) for part, task in known[key].items()}


def _as(name: str, task: DraftTask) -> DraftTask:
    """A task of another experiment as one of `name`: of what tasks compute, only a report has the name in it."""
    if not isinstance(task.body, ReportBody) or task.body.name == name:
        return task
    return task._replace(body=task.body.model_copy(update={"name": name}))


def _lowered(source: ExperimentSource, data: dict[str, Data]) -> Mapping[str, DraftTask]:
    try:
        experiment = Experiment.model_validate_json(json.dumps(data), by_alias=True, by_name=False)
        draft = lower([source._replace(experiment=experiment)], digest.manifest())
    except (ValidationError, LowerError):
        return {}
    return {task.label.part: task for task in draft.tasks}


def _replaced(locked: dict[Key, str], change: Change) -> dict[Key, str]:
    """The entries of a lock with one as it was."""
    key = tuple(map(str, change.path[1:]))
    without = {known: commit for known, commit in locked.items() if known != key}
    return without if change.old is None else {**without, key: str(change.old)}


def _put(data: dict[str, Data], path: Path, value: Data) -> None:
    """Set a value, or with None take it out with the groups that are left empty."""
    first, rest = str(path[0]), path[1:]
    if not rest:
        if value is None:
            data.pop(first, None)
        else:
            data[first] = value
        return
    inner = data.get(first)
    if not isinstance(inner, dict):
        if value is None:
            return
        inner = data[first] = {}
    _put(inner, rest, value)
    if not inner:
        del data[first]


def _computes_else(task: DraftTask, other: DraftTask | None) -> bool:
    """Whether a task computes something else, apart from what its inputs are."""
    if other is None:
        return False
    reads, others = (
        {role: (read.file, bool(read.task)) for role, read in each.reads.items() if each.body.decides(role)}
        for each in (task, other)
    )
    return task.body != other.body or reads != others


def _upstream(old: Planned, new: Planned, part: str) -> Iterator[str]:
    was = old.tasks[part].reads
    for role, read in new.tasks[part].reads.items():
        if read.task and (role not in was or was[role].task != read.task):
            yield new.part_of[read.task]
