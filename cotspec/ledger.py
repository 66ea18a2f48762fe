"""What earlier runs left for a plan: results that count, work that can go on. Reads the project; writes nothing.

It decides as `dvc repro` does (DVC 3): a task is up to date when its dvc.lock names the content of everything it reads
now and its result is there or in the cache; a result may also come back from the run cache, whose key is the command,
the inputs and the names of the outputs. DVC itself is not asked: that takes seconds for some hundred tasks.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import md5, sha256
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from cotspec.back import payloads, places
from cotspec.front import regular
from cotspec.ir.plan import Plan, Read, Task
from cotspec.spec.payload import PASSED, PASSED_FILE

State = Literal["reuse", "resume", "run"]
_CMD: Final = "bash launch.sh"
_SCRATCH: Final = ".cotspec/scratch"
_BLOCK: Final = 1 << 20
_MOST_BRACKETS: Final = 1000
"""In a file of DVC's: it writes none, but the name of a file may have some."""
_DEEP: Final = re.compile(rb"^[ \t?-]{100}", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where one task stands."""

    state: State
    reason: str
    """Why, in a few words."""
    upstream: tuple[str, ...] = ()
    """Ids of the tasks it waits for, when that is why."""
    seconds: float | None = None
    """How long its last run here took."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lock:
    """A stage of a dvc.lock: what it read and made."""

    deps: Mapping[str, str]
    """Hash by path."""
    out: str
    """Hash of out/."""
    size: int
    files: int


@dataclass(frozen=True, slots=True)
class _Result:
    """An out/ folder by content: its own hash and that of each file."""

    whole: str
    files: Mapping[str, str]

    def of(self, path: str) -> str | None:
        """Hash of a file or folder in it; None when it holds no such thing."""
        if not path:
            return self.whole
        if path in self.files:
            return self.files[path]
        below = {name[len(path) + 1 :]: digest for name, digest in self.files.items() if name.startswith(f"{path}/")}
        return _folder_hash(below) if below else None


def running(root: Path) -> frozenset[str]:
    """Ids of the tasks that a process is working on: their scratch names one that is alive and is a task's."""
    found = set()
    for lock in (root / _SCRATCH).glob("*/lock"):
        try:
            pid = int(regular.content(lock))
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if b"cotspec.runtime" in command:
            found.add(lock.parent.name.rpartition("-")[0])
    return frozenset(found)


def result(root: Path, id: str, name: str) -> bytes | None:
    """A file of a task's result, from out/ or else from the cache that its dvc.lock points into; None without one."""
    folder = root / places.stage_folder(id)
    try:
        return regular.content(folder / places.OUT / name)
    except OSError:
        lock, cache = _locked(_stages(folder / "dvc.lock").get(id)), _cache(root)
    kept = None if lock is None else _cached(cache, lock.out)
    digest = None if kept is None else kept.files.get(name)
    try:
        return None if digest is None else regular.content(_object(cache, digest))
    except OSError:
        return None


def preflight_passed(root: Path) -> bool:
    """Whether the preflight that is built has passed, so that DVC has nothing to do for it."""
    folder = root / places.PREFLIGHT
    lock = _locked(_stages(folder / "dvc.lock").get(places.STAGE_OF_PREFLIGHT))
    try:
        there = regular.content(folder / places.OUT / PASSED_FILE) == PASSED.encode()
    except OSError:
        return False
    return there and lock is not None and lock.deps == {"payload.json": _content(folder / "payload.json")}


def standings(root: Path, plan: Plan) -> dict[str, Standing]:
    """Where each task of a plan stands, by id, reports too; producers are decided before who reads them."""
    book = _Book(root=root, cache=_cache(root))
    for folder, task in places.folders(plan):
        book.enter(folder, task)
    return book.standings


@dataclass(kw_only=True)
class _Book:
    root: Path
    cache: Path
    standings: dict[str, Standing] = field(default_factory=dict)
    results: dict[str, _Result | None] = field(default_factory=dict)
    """By task id; None when the result will change or is not known."""
    project_files: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        scratch = self.root / _SCRATCH
        self.scratch = sorted(p.name for p in scratch.iterdir()) if scratch.is_dir() else []

    def enter(self, folder: str, task: Task) -> None:
        standing, result = self._decide(folder, task)
        self.standings[task.id], self.results[task.id] = standing, result

    def _decide(self, folder: str, task: Task) -> tuple[Standing, _Result | None]:
        seconds = _seconds(self.root / folder)
        waits = [read.task for read in task.reads.values() if read.task and self.standings[read.task].state != "reuse"]
        if waits:
            reason = "an input is made anew"
            return Standing(state="run", reason=reason, upstream=tuple(dict.fromkeys(waits)), seconds=seconds), None
        given = self._given(folder, task)
        lock = self._lock(folder, task)
        if lock is not None and given is not None and lock.deps == given:
            found = self._kept(folder, lock)
            if found is not None:
                return Standing(state="reuse", reason="up to date", seconds=seconds), found
        cached = None if given is None else self._run_cache(given)
        if cached is not None:
            return Standing(state="reuse", reason="in the run cache", seconds=seconds), cached
        left = self._left(task)
        if left:
            return Standing(state="resume", reason=left, seconds=seconds), None
        return Standing(state="run", reason=_why(lock, given), seconds=seconds), None

    def _left(self, task: Task) -> str:
        """What an interrupted run left that the next one goes on from; "" for nothing."""
        works = [self.root / _SCRATCH / name for name in self.scratch if name.startswith(f"{task.id}-")]
        if any((work / "kept.json").is_file() for work in works):
            return "its finished result was not recorded, and is taken"
        if any(True for work in works for _ in work.glob("trainer/checkpoint-*/complete")):
            return "an interrupted run left a checkpoint"
        if any(path.stat().st_size for work in works for path in work.glob("partial*.jsonl")):
            return "an interrupted run left finished batches"
        return ""

    # --- what a task reads now ---

    def _given(self, folder: str, task: Task) -> dict[str, str] | None:
        """Hash by path as DVC writes them; None when an input is not there."""
        hashes = {"payload.json": md5(payloads.text(folder, task).encode(), usedforsecurity=False).hexdigest()}
        for read in task.reads.values():
            digest = self._hash(read)
            if digest is None:
                return None
            hashes[places.read_from(folder, read)] = digest
        passed = md5(PASSED.encode(), usedforsecurity=False).hexdigest()
        return hashes | dict.fromkeys(places.awaited(folder, task), passed)

    def _hash(self, read: Read) -> str | None:
        if read.task:
            result = self.results[read.task]
            return None if result is None else result.of(read.file)
        if read.file not in self.project_files:
            self.project_files[read.file] = _content(self.root / read.file)
        return self.project_files[read.file]

    # --- what is there ---

    def _lock(self, folder: str, task: Task) -> _Lock | None:
        return _locked(_stages(self.root / folder / "dvc.lock").get(places.stage(task)))

    def _kept(self, folder: str, lock: _Lock) -> _Result | None:
        """The result that a lock names, when it is in the cache, or in out/ as it was."""
        result = _cached(self.cache, lock.out)
        if result is not None:
            return result
        files = _files(self.root / folder / places.OUT)
        if len(files) != lock.files or sum(path.stat().st_size for path in files.values()) != lock.size:
            return None
        return _Result(lock.out, {name: _content(path) or "" for name, path in files.items()})

    def _run_cache(self, given: Mapping[str, str]) -> _Result | None:
        wanted = {
            "cmd": _CMD,
            "deps": [{"path": path, "hash": "md5", "md5": given[path]} for path in sorted(given)],
            "outs": [places.OUT],
        }
        key = sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
        kept = self.cache / "runs" / key[:2] / key
        for entry in sorted(kept.iterdir()) if kept.is_dir() else ():
            record = _locked(_yaml(entry))
            result = None if record is None else _cached(self.cache, record.out)
            if result is not None:
                return result
        return None


# --- reading ----------------------------------------------------------------------------------------------------------


def _object(cache: Path, digest: str) -> Path:
    return cache / "files" / "md5" / digest[:2] / digest[2:]


def _cached(cache: Path, digest: str) -> _Result | None:
    """A folder the cache holds."""
    try:
        entries = json.loads(regular.content(_object(cache, digest)))
        return _Result(digest, {entry["relpath"]: entry["md5"] for entry in entries})
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _stages(path: Path) -> dict[str, Any]:
    stages = _yaml(path).get("stages")
    return stages if isinstance(stages, dict) else {}


def _locked(stage: object) -> _Lock | None:
    """A stage as DVC writes it; None for anything else."""
    match stage:
        case {"deps": list(deps), "outs": [{"md5": str(out), "size": int(size), "nfiles": int(files)}]}:
            read = {str(dep.get("path")): str(dep.get("md5")) for dep in deps if isinstance(dep, dict)}
            return _Lock(deps=read, out=out, size=size, files=files)
        case _:
            return None


def _why(lock: _Lock | None, given: Mapping[str, str] | None) -> str:
    if lock is None:
        return "never run here"
    if given is None:
        return "an input is not there"
    changed = [path for path, digest in given.items() if lock.deps.get(path) != digest]
    if changed:
        return f"{', '.join(changed)} changed since its last run"
    return "its result is neither in out/ nor in the cache (`dvc pull` may bring it)"


def _yaml(path: Path) -> dict[str, Any]:
    """A file as DVC writes it: blocks, a few levels deep. What is nested deeper would overflow the stack of libyaml."""
    try:
        content = regular.content(path)
        if content.count(b"[") + content.count(b"{") > _MOST_BRACKETS or _DEEP.search(content):
            return {}
        data = yaml.load(content, Loader=yaml.CSafeLoader)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _seconds(folder: Path) -> float | None:
    try:
        seconds = json.loads(regular.content(folder / "last-run.json"))["seconds"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return float(seconds) if isinstance(seconds, int | float) else None


def _files(folder: Path) -> dict[str, Path]:
    return {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}


def _content(path: Path) -> str | None:
    """The md5 of a file, or DVC's hash of a folder; None when nothing is there."""
    if path.is_dir():
        return _folder_hash({name: _content(file) or "" for name, file in _files(path).items()})
    try:
        with regular.opened(path) as stream:
            total = md5(usedforsecurity=False)
            while block := stream.read(_BLOCK):
                total.update(block)
    except OSError:
        return None
    return total.hexdigest()


def _folder_hash(files: Mapping[str, str]) -> str:
    """DVC's hash of a folder: the md5 of its listing, sorted by the parts of the path."""
    listing = [{"md5": files[name], "relpath": name} for name in sorted(files)]
    return md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def _cache(root: Path) -> Path:
    """Where DVC keeps results: `.dvc/cache`, or what its configuration names."""
    for name in ("config.local", "config"):
        for place in _configured(root / ".dvc" / name):
            return (root / ".dvc" / place).resolve()
    return root / ".dvc" / "cache"


def _configured(path: Path) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string("\n".join(line.strip() for line in regular.content(path).decode("utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return
    place = parser.get("cache", "dir", fallback="")
    if place:
        yield place
