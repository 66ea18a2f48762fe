"""Which results of earlier runs count, and which tasks would run: what `dvc repro` would do, without asking it.

A task is up to date when its dvc.lock names the content of everything it reads now and its result is there or in the
cache; a result may also come back from the run cache.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cotspec.back import payloads, places
from cotspec.files import regular
from cotspec.history import unfinished
from cotspec.history.locks import Cache, Lock, Result, digest, files, in_merge, lock, text_digest
from cotspec.ir.plan import Plan, Read, Task
from cotspec.spec.payload import PASSED, PASSED_FILE

State = Literal["reuse", "resume", "run"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where one task stands."""

    state: State
    reason: str
    """Why, in a few words."""
    upstream: tuple[str, ...] = ()
    """Ids of the tasks it waits for, when that is why."""


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


def preflight_passed(root: Path) -> bool:
    """Whether the preflight that is built has passed, so that DVC has nothing to do for it."""
    folder, within = root / places.PREFLIGHT, Cache(root).within
    recorded = lock(root, places.PREFLIGHT, places.STAGE_OF_PREFLIGHT)
    try:
        there = regular.content(folder / places.OUT / PASSED_FILE, within=within) == PASSED.encode()
    except OSError:
        return False
    return there and recorded is not None and recorded.deps == {"payload.json": digest(folder / "payload.json", within)}


def standings(root: Path, plan: Plan) -> dict[str, Standing]:
    """Where each task of a plan stands, by id, reports too; producers are decided before who reads them."""
    decided = _Decisions(root, Cache(root), unfinished.running(root), unfinished.left(root), unfinished.stopped(root))
    for folder, task in places.folders(plan):
        decided.add(folder, task)
    return decided.standings


@dataclass
class _Decisions:
    root: Path
    cache: Cache
    running: Collection[str]
    left: Mapping[str, str]
    stopped: Mapping[str, str]
    standings: dict[str, Standing] = field(default_factory=dict)
    results: dict[str, Result | None] = field(default_factory=dict)
    """By task id; None when the result will change or is not known."""
    project_files: dict[str, str | None] = field(default_factory=dict)

    def add(self, folder: str, task: Task) -> None:
        self.standings[task.id], self.results[task.id] = self._decide(folder, task)

    def _decide(self, folder: str, task: Task) -> tuple[Standing, Result | None]:
        waits = [read.task for read in task.reads.values() if read.task and self.standings[read.task].state != "reuse"]
        if waits:
            return Standing(state="run", reason="an input is made anew", upstream=tuple(dict.fromkeys(waits))), None
        given, recorded = self._given(folder, task), lock(self.root, folder, places.stage(task))
        if recorded is not None and recorded.deps == given:
            result = self._kept(folder, recorded)
            if result is not None:
                return Standing(state="reuse", reason="up to date"), result
        cached = None if given is None else self.cache.run(given)
        if cached is not None:
            return Standing(state="reuse", reason="in the run cache"), cached
        if task.id in self.running:
            return Standing(state="run", reason="it is running now"), None
        if task.id in self.left:
            return Standing(state="resume", reason=self.left[task.id]), None
        unmerged = "an unfinished merge in its dvc.lock" if in_merge(self.root, folder) else ""
        reason = unmerged or self.stopped.get(task.id) or _why(recorded, given)
        return Standing(state="run", reason=reason), None

    def _given(self, folder: str, task: Task) -> dict[str, str] | None:
        """Hash of what it reads now, by path as DVC writes them; None when an input is not there."""
        hashes = {"payload.json": text_digest(payloads.text(folder, task))}
        for read in task.reads.values():
            now = self._hash(read)
            if now is None:
                return None
            hashes[places.read_from(folder, read)] = now
        return hashes | dict.fromkeys(places.awaited(folder, task), text_digest(PASSED))

    def _hash(self, read: Read) -> str | None:
        if read.task:
            result = self.results[read.task]
            return None if result is None else result.of(read.file)
        if read.file not in self.project_files:
            self.project_files[read.file] = digest(self.root / read.file, self.cache.within)
        return self.project_files[read.file]

    def _kept(self, folder: str, recorded: Lock) -> Result | None:
        """The result that a lock names, when it is in the cache, or in out/ as it was."""
        result = self.cache.result(recorded.out)
        if result is not None:
            return result
        try:
            there = files(self.root / folder / places.OUT, self.cache.within)
            size = sum(path.stat().st_size for path in there.values())
        except OSError:
            return None
        if len(there) != recorded.files or size != recorded.size:
            return None
        return Result(recorded.out, {name: digest(path, self.cache.within) or "" for name, path in there.items()})


def _why(recorded: Lock | None, given: Mapping[str, str] | None) -> str:
    if recorded is None:
        return "never run here"
    if given is None:
        return "an input is not there"
    changed = [path for path, now in given.items() if recorded.deps.get(path) != now]
    if changed:
        return f"{', '.join(changed)} changed since its last run"
    return "its result is neither in out/ nor in the cache (`dvc pull` may bring it)"
