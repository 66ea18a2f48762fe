"""What DVC left: its locks, its cache, its run cache, and its hash of what is there now. DVC 3 is read, not asked.

`dvc.repo.Repo(…).status()` needs 1.8 to 2.5 s for the 20 stages of the shipped project, the half of it to import DVC.
The tests compare what is read here with real DVC.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import md5, sha256
from pathlib import Path
from typing import Any, Final

from cotspec.back import places
from cotspec.files import plain, regular
from cotspec.spec.artifact_names import folder_digest

LOCK: Final = "dvc.lock"
_CMD: Final = "bash launch.sh"
_BLOCK: Final = 1 << 20
_DIGEST: Final = re.compile(r"[0-9a-f]{32}(\.dir)?")
_MOST_CONFIG: Final = 100_000
"""Bytes of a configuration of DVC."""
_MOST_RUNS: Final = 1000
"""Entries of the run cache for one task and one set of inputs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A stage of a dvc.lock: what it read and made."""

    deps: Mapping[str, str]
    """Hash of each dependency by its path."""
    out: str
    """Hash of out/."""


@dataclass(frozen=True, slots=True)
class Result:
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
        return folder_digest(below) if below else None


def lock(root: Path, folder: str, stage: str) -> Lock | None:
    """What the dvc.lock of a folder of the project says of a stage; None where it says nothing."""
    stages = _yaml(root / folder / LOCK, root).get("stages")
    return _lock(stages.get(stage)) if isinstance(stages, dict) else None


def recorded(root: Path, folder: str) -> list[Lock]:
    """What the dvc.lock of a folder of the project says of all its stages that have a result."""
    stages = _yaml(root / folder / LOCK, root).get("stages")
    locks = map(_lock, stages.values()) if isinstance(stages, dict) else ()
    return [each for each in locks if each is not None]


def in_merge(root: Path, folder: str) -> bool:
    """Whether the dvc.lock of a folder holds the marks of a merge, with which DVC refuses every command."""
    try:
        return b"<<<<<<< " in regular.content(root / folder / LOCK, most=plain.MOST_YAML, within=(root,))
    except OSError:
        return False


def in_merge_for_all(root: Path) -> list[str]:
    """The lock files of no single experiment that hold marks of an unfinished merge."""
    return [posixpath.join(folder, LOCK) for folder in ("", places.PREFLIGHT) if in_merge(root, folder)]


def _lock(stage: object) -> Lock | None:
    """A stage as DVC writes it; None for anything else."""
    match stage:
        case {"deps": list(deps), "outs": [{"md5": str(out)}]} if _is(out):
            read = {str(dep.get("path")): str(dep.get("md5")) for dep in deps if isinstance(dep, dict)}
            return Lock(deps=read, out=out)
        case _:
            return None


def _is(digest: object) -> bool:
    """Whether this is a hash: one makes the path of an object."""
    return isinstance(digest, str) and _DIGEST.fullmatch(digest) is not None


def _yaml(path: Path, within: Path) -> dict[str, Any]:
    """A group that DVC wrote; empty for anything else."""
    try:
        data = plain.yaml_value(regular.content(path, most=plain.MOST_YAML, within=(within,)))
    except (OSError, plain.DataError):
        return {}
    return data if isinstance(data, dict) else {}


# --- the cache --------------------------------------------------------------------------------------------------------


class Cache:
    """Where DVC keeps results: `.dvc/cache`, or what its configuration names."""

    def __init__(self, root: Path) -> None:
        named = (place for name in ("config.local", "config") for place in _configured(root, name))
        self._place = Path(os.path.realpath(root / ".dvc" / next(named, "cache")))
        self._objects = self._place / "files" / "md5"
        self.within = (root, self._objects)
        """Where files of results may lie: DVC can keep them as links into the cache."""

    def file(self, digest: str) -> Path:
        """Where the object of a hash lies."""
        return self._objects / digest[:2] / digest[2:]

    def content(self, digest: str) -> bytes:
        """The object of a hash. Raises OSError."""
        return regular.content(self.file(digest), within=(self._objects,))

    def result(self, digest: str) -> Result | None:
        """A folder that it holds."""
        try:
            entries = plain.json_value(self.content(digest))
            listed = {str(entry["relpath"]): entry["md5"] for entry in entries}
        except (OSError, ValueError, TypeError, LookupError):
            return None
        return Result(digest, listed) if all(map(_is, listed.values())) else None

    def whole(self, digest: str) -> Result | None:
        """A folder that it holds with all its files: DVC makes what lacks one anew, also when out/ has it."""
        result = self.result(digest)
        return result if result and all(os.path.isfile(self.file(each)) for each in result.files.values()) else None

    def run(self, given: Mapping[str, str]) -> Result | None:
        """What a task made of the same inputs before: the key is the command, the inputs, the names of the outputs."""
        wanted = {
            "cmd": _CMD,
            "deps": [{"path": path, "hash": "md5", "md5": given[path]} for path in sorted(given)],
            "outs": [places.OUT],
        }
        key = sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
        kept = self._place / "runs" / key[:2] / key
        for name in sorted(os.listdir(kept)[:_MOST_RUNS]) if kept.is_dir() else ():
            record = _lock(_yaml(kept / name, self._place))
            result = None if record is None else self.whole(record.out)
            if result is not None:
                return result
        return None


def _configured(root: Path, name: str) -> Iterator[str]:
    """What a configuration of DVC calls the folder of the cache."""
    try:
        text = regular.content(root / ".dvc" / name, most=_MOST_CONFIG, within=(root,)).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return
    section = ""
    for line in map(str.strip, text.splitlines()):
        section = line if line.startswith("[") else section
        key, _, given = line.partition("=")
        place = given.strip().strip("'\"")
        if section == "[cache]" and key.strip() == "dir" and place and "\0" not in place:
            yield place


# --- what is there now ------------------------------------------------------------------------------------------------


def folders(root: Path) -> list[str]:
    """The folders that are generated, of which each may hold a task; a link is none."""
    first = regular.folders(root / places.GENERATED) if regular.inside(root / places.GENERATED, root) else []
    generated = [*first, *(inner for each in first for inner in regular.folders(each))]
    return sorted(each.relative_to(root).as_posix() for each in generated)


def files(folder: Path, within: tuple[Path, ...]) -> dict[str, Path]:
    """The files of a folder by their path in it. Raises OSError when it leads out."""
    return {name: file for name, file in regular.below(folder, within=within).items() if os.path.isfile(file)}


def text_digest(text: str) -> str:
    """DVC's hash of a file with this text."""
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def digest(path: Path, within: tuple[Path, ...], advance: Callable[[int], None] = lambda _bytes: None) -> str | None:
    """DVC's hash of a file or folder; None when nothing is there, or what leads out. `advance` is told of so many bytes
    that were read."""
    try:
        if path.is_dir():
            return folder_digest({name: digest(file, within) or "" for name, file in files(path, within).items()})
        with regular.whole(path, within=within) as stream:
            total = md5(usedforsecurity=False)
            while block := stream.read(_BLOCK):
                total.update(block)
                advance(len(block))
            return total.hexdigest()
    except OSError:
        return None
