"""Which results of earlier runs count, and which tasks would run: what `dvc repro` would do, without asking it.

A task is up to date when its dvc.lock names the content of everything it reads now and the cache
holds its whole result, wherever out/ is; a result may also come back from the run cache.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from cotspec.back import payloads, places
from cotspec.files import regular
from cotspec.history import unfinished
from cotspec.history.locks import Cache, Lock, Result, digest, in_merge, lock, text_digest
from cotspec.ir.plan import Plan, Read, Task
from cotspec.spec.artifact_names import PAYLOAD, scratch_name
from cotspec.spec.payload import GPUS_FILE, PASSED, PASSED_FILE

State = Literal["run", "resume", "reuse", "running", "failed gate", "unfinished merge"]
"""What `dvc repro` would do with a task, or why it would do nothing."""
NOT_HERE: Final = "its result is not whole in the cache (`dvc pull` may bring it)"
"""Why a task would run that ran already, on another machine or before the cache was emptied."""
RUN_CACHE: Final = "in the run cache"
"""Why a task is reused whose folder does not hold its result: the next `dvc repro` takes it from there."""
_UNMERGED: Final = "its dvc.lock has the marks of a merge: take one side, or remove it; before that DVC runs nothing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """The state of one task, and why."""

    state: State
    reason: str
    """Why, in a few words."""
    upstream: tuple[str, ...] = ()
    """Ids of the tasks it waits for, when that is why."""

    @property
    def elsewhere(self) -> bool:
        """Whether it has a result, made of what it reads now, that is not in this machine's cache."""
        return self.reason == NOT_HERE


def content(root: Path, id: str, name: str) -> bytes | None:
    """A file of a task's result, from out/ or else from the cache that its dvc.lock points into; None without one."""
    folder, cache = places.stage_folder(id), Cache(root)
    try:
        return regular.content(root / folder / places.OUT / name, within=cache.within)
    except OSError:
        recorded = lock(root, folder, id)
    kept = None if recorded is None else cache.result(recorded.out)
    held = None if kept is None else kept.files.get(name)
    try:
        return None if held is None else cache.content(held)
    except OSError:
        return None


def preflight_passed(root: Path, *, gpus: bool = True) -> bool:
    """Whether the preflight that is built has passed, so that DVC has nothing to do for it; with `gpus` false, whether
    it has but for what it counts, which is of no matter where tasks run elsewhere."""
    folder, within = root / places.PREFLIGHT, Cache(root).within
    recorded = lock(root, places.PREFLIGHT, places.STAGE_OF_PREFLIGHT)
    try:
        there = regular.content(folder / places.OUT / PASSED_FILE, within=within) == PASSED.encode()
    except OSError:
        return False
    if not there or recorded is None:
        return False
    reads = [PAYLOAD, *([GPUS_FILE] if gpus and (folder / GPUS_FILE).exists() else [])]
    known = {name: hash for name, hash in recorded.deps.items() if gpus or name != GPUS_FILE}
    return known == {name: digest(folder / name, within) for name in reads}


def standings(root: Path, plan: Plan) -> dict[str, Standing]:
    """Where each task of a plan stands, by id, reports too; producers are decided before who reads them."""
    decided = _Decisions(root, Cache(root), unfinished.scratch_states(root), unfinished.running(root))
    for folder, task in places.folders(plan):
        decided.add(folder, task)
    return decided.standings


@dataclass
class _Decisions:
    root: Path
    cache: Cache
    left: Mapping[str, unfinished.ScratchState]
    running: Collection[str]
    standings: dict[str, Standing] = field(default_factory=dict)
    results: dict[str, Result | None] = field(default_factory=dict)
    """By task id; None when the result will change or is not known."""
    elsewhere: dict[str, Lock] = field(default_factory=dict)
    """By task id, what a lock says of a result that is not here."""
    project_files: dict[str, str | None] = field(default_factory=dict)

    def add(self, folder: str, task: Task) -> None:
        self.standings[task.id], self.results[task.id] = self._decide(folder, task)

    def _decide(self, folder: str, task: Task) -> tuple[Standing, Result | None]:
        recorded = lock(self.root, folder, places.stage(task))
        if recorded is None and in_merge(self.root, folder):
            return Standing(state="unfinished merge", reason=_UNMERGED), None
        waits = [read.task for read in task.reads.values() if read.task and self.standings[read.task].state != "reuse"]
        inputs = None if waits else self._given(folder, task)
        if inputs is not None:
            deps = inputs | dict.fromkeys(places.awaited(folder, task), text_digest(PASSED))
            if recorded is not None and recorded.deps == deps and (result := self.cache.whole(recorded.out)):
                return Standing(state="reuse", reason="up to date"), result
            if result := self.cache.run(deps):
                return Standing(state="reuse", reason=RUN_CACHE), result
        if recorded is not None and task.id not in self.running and self._is_elsewhere(folder, task, recorded):
            self.elsewhere[task.id] = recorded
            return Standing(state="run", reason=NOT_HERE), None
        return self._to_run(task, waits, inputs, recorded), None

    def _is_elsewhere(self, folder: str, task: Task, recorded: Lock) -> bool:
        """Whether the lock is of what the task reads now; of results that are not here either, of what their own locks
        say: which file of them has which hash cannot be known."""
        wanted: dict[str, str | None] = {PAYLOAD: text_digest(payloads.text(folder, task))}
        for read in task.reads.values():
            path, made = places.read_from(folder, read), self.elsewhere.get(read.task)
            if made is None:
                wanted[path] = self._hash(read)
            else:
                wanted[path] = recorded.deps.get(path) if read.file else made.out
        return recorded.deps == wanted | dict.fromkeys(places.awaited(folder, task), text_digest(PASSED))

    def _to_run(self, task: Task, waits: list[str], given: Mapping[str, str] | None, recorded: Lock | None) -> Standing:
        if task.id in self.running:
            return Standing(state="running", reason="a process is at work on it")
        if waits:
            return Standing(state="run", reason="an input is made anew", upstream=tuple(dict.fromkeys(waits)))
        left = None if given is None else self.left.get(scratch_name(task.id, given))
        return Standing(**left._asdict()) if left else Standing(state="run", reason=self._why(task, recorded, given))

    def _given(self, folder: str, task: Task) -> dict[str, str] | None:
        """Hash of what it reads now, by path as DVC writes them; None when an input is not there."""
        hashes = {PAYLOAD: text_digest(payloads.text(folder, task))}
        for read in task.reads.values():
            now = self._hash(read)
            if now is None:
                return None
            hashes[places.read_from(folder, read)] = now
        return hashes

    def _hash(self, read: Read) -> str | None:
        if read.task:
            result = self.results[read.task]
            return None if result is None else result.of(read.file)
        if read.file not in self.project_files:
            self.project_files[read.file] = digest(self.root / read.file, self.cache.within)
        return self.project_files[read.file]

    def _why(self, task: Task, recorded: Lock | None, given: Mapping[str, str] | None) -> str:
        if recorded is None:
            return "never run here"
        if given is None:
            missing = (places.read_path(read) for read in task.reads.values() if self._hash(read) is None)
            return f"{next(missing, 'an input')} is not there"
        changed = [path for path, now in given.items() if recorded.deps.get(path) != now]
        if changed:
            return f"{', '.join(changed)} changed since its last run"
        return NOT_HERE
