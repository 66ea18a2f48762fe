"""Whether results are what their dvc.lock says, byte by byte: each out/ and each object of DVC's cache is hashed.

DVC believes a cache object by its name and restores one that was altered on the disk as good. What it recorded of a
task is its dvc.lock; which files the result has stands in the cache, in the listing that the lock names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cotspec.back import places
from cotspec.history import locks
from cotspec.spec.artifact_names import folder_digest

State = Literal["good", "bad", "absent"]
Advance = Callable[[int], None]
"""Called with the number of bytes that were hashed since the last call."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A result or a cache object that is not as DVC recorded it."""

    path: str
    """Path in the project; absolute for a cache that lies elsewhere."""
    what: str
    commands: tuple[str, ...]
    """What to do: any one of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A task that DVC recorded."""

    folder: str
    lock: locks.Lock
    listing: Mapping[str, str] | None
    """Hash by name of the files of its result; None without a listing in the cache, or with one that was altered."""

    @property
    def target(self) -> str:
        """What DVC's commands are given."""
        return places.target(self.folder)


@dataclass(kw_only=True)
class Examination:
    """All results that are recorded in a project, and what has been hashed of them."""

    root: Path
    busy: frozenset[str] = frozenset()
    """Tasks at work, whose results are being replaced: left out."""
    advance: Advance = lambda _bytes: None
    cache: locks.Cache = field(init=False)
    recorded: list[Recorded] = field(init=False)
    _hashed: dict[tuple[int, int], str] = field(default_factory=dict)
    """By device and inode: a result may be a link into the cache."""

    def __post_init__(self) -> None:
        self.cache = locks.Cache(self.root)
        self.recorded = [self._recorded(folder, lock) for folder, lock in _locked(self.root, self.busy)]

    def bytes(self) -> int:
        """How many bytes will be hashed."""
        outs = (path for each in self.recorded for path in self._out(each).values())
        sizes = {(s.st_dev, s.st_ino): s.st_size for s in (p.stat() for p in (*outs, *self._objects()) if p.is_file())}
        return sum(sizes.values())

    def faults(self) -> Iterator[Fault]:
        """What is not as it was recorded: altered objects first, then each result."""
        altered = {path for path, digest in self._objects().items() if self._is(path, digest) == "bad"}
        for path in sorted(altered):
            yield Fault(
                path=self._shown(path),
                what="was altered on the disk, and DVC would restore it as good",
                commands=(f"rm -f {self._shown(path)}",),
            )
        for each in self.recorded:
            yield from self._of_result(each, altered)

    def _of_result(self, each: Recorded, altered: set[Path]) -> Iterator[Fault]:
        """One result, taking altered objects for missing: they are to be removed first."""
        out, cached = self._out_state(each), self._cache_state(each, altered)
        folder, fetch = f"{each.folder}/{places.OUT}", (f"dvc pull {each.target}", f"dvc repro {each.target}")
        if out == "bad" and cached == "good":
            yield Fault(path=folder, what="is not what dvc.lock recorded", commands=(f"dvc checkout -f {each.target}",))
        elif out == "bad":
            told = "is not what dvc.lock recorded, and the cache does not have it either"
            yield Fault(path=folder, what=told, commands=tuple(f"rm -r {folder} && {command}" for command in fetch))
        elif out == "absent" and cached == "absent":
            yield Fault(path=folder, what="is neither there nor in the cache", commands=fetch)
        elif cached == "absent":
            told = "is as it was recorded, but not in the cache, from where it is pushed and restored"
            yield Fault(path=folder, what=told, commands=(f"dvc commit -f {each.target}",))

    def _out_state(self, each: Recorded) -> State:
        there = self._out(each)
        if not there:
            return "absent"
        now = {name: self._hash(path) for name, path in there.items()}
        if each.listing is not None:
            return "good" if now == each.listing else "bad"
        return "good" if folder_digest(now) == each.lock.out else "bad"

    def _cache_state(self, each: Recorded, altered: set[Path]) -> State:
        if each.listing is None:
            return "absent"
        objects = {self.cache.file(digest) for digest in each.listing.values()}
        return "good" if all(path.is_file() for path in objects) and not objects & altered else "absent"

    def _objects(self) -> dict[Path, str]:
        """Hash by path of the objects of the cache that results are made of, listings too."""
        wanted = [each.lock.out for each in self.recorded]
        wanted += [digest for each in self.recorded for digest in (each.listing or {}).values()]
        return {self.cache.file(digest): digest for digest in wanted}

    def _recorded(self, folder: str, lock: locks.Lock) -> Recorded:
        path = self.cache.file(lock.out)
        result = self.cache.result(lock.out) if self._is(path, lock.out) == "good" else None
        return Recorded(folder=folder, lock=lock, listing=None if result is None else result.files)

    def _out(self, each: Recorded) -> dict[str, Path]:
        try:
            return locks.files(self.root / each.folder / places.OUT, self.cache.within)
        except OSError:
            return {}

    def _is(self, path: Path, digest: str) -> State:
        if not path.is_file():
            return "absent"
        return "good" if self._hash(path) == digest.removesuffix(".dir") else "bad"

    def _hash(self, path: Path) -> str:
        about = path.stat()
        key = (about.st_dev, about.st_ino)
        if key not in self._hashed:
            self._hashed[key] = locks.digest(path, self.cache.within, self.advance) or ""
        return self._hashed[key]

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)


def _locked(root: Path, busy: frozenset[str]) -> Iterator[tuple[str, locks.Lock]]:
    """Every folder of a task with what DVC recorded of it."""
    for folder in locks.folders(root):
        if folder.rpartition("/")[2] not in busy:
            yield from ((folder, lock) for lock in locks.recorded(root, folder))
