"""What DVC left: its locks, its cache, its run cache, and its hash of what is there now. DVC 3 is read, not asked.

`dvc.repo.Repo(…).status()` needs 1.8 to 2.5 s for the 20 stages of the shipped project, the half of it to import DVC.
The tests compare what is read here with real DVC.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import md5, sha256
from pathlib import Path
from typing import Any, Final

import yaml

from cotspec.back import places
from cotspec.files import regular

_CMD: Final = "bash launch.sh"
_BLOCK: Final = 1 << 20
_MOST_BRACKETS: Final = 1000
"""In a file of DVC's: it writes none, but the name of a file may have some."""
_DEEP: Final = re.compile(rb"^[ \t?-]{100}", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A stage of a dvc.lock: what it read and made."""

    deps: Mapping[str, str]
    """Hash by path."""
    out: str
    """Hash of out/."""
    size: int
    files: int


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
        return folder_hash(below) if below else None


def lock(folder: Path, stage: str) -> Lock | None:
    """What the dvc.lock of a folder says of a stage; None where it says nothing."""
    stages = _yaml(folder / "dvc.lock").get("stages")
    return _lock(stages.get(stage)) if isinstance(stages, dict) else None


def recorded(folder: Path) -> list[Lock]:
    """What the dvc.lock of a folder says of all its stages that have a result."""
    stages = _yaml(folder / "dvc.lock").get("stages")
    found = map(_lock, stages.values()) if isinstance(stages, dict) else ()
    return [each for each in found if each is not None]


def _lock(stage: object) -> Lock | None:
    """A stage as DVC writes it; None for anything else."""
    match stage:
        case {"deps": list(deps), "outs": [{"md5": str(out), "size": int(size), "nfiles": int(files)}]}:
            read = {str(dep.get("path")): str(dep.get("md5")) for dep in deps if isinstance(dep, dict)}
            return Lock(deps=read, out=out, size=size, files=files)
        case _:
            return None


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


# --- the cache --------------------------------------------------------------------------------------------------------


class Cache:
    """Where DVC keeps results: `.dvc/cache`, or what its configuration names."""

    def __init__(self, root: Path) -> None:
        named = (place for name in ("config.local", "config") for place in _configured(root / ".dvc" / name))
        self._place = (root / ".dvc" / next(named, "cache")).resolve()

    def file(self, digest: str) -> Path:
        """The object of a hash."""
        return self._place / "files" / "md5" / digest[:2] / digest[2:]

    def result(self, digest: str) -> Result | None:
        """A folder that it holds."""
        try:
            entries = json.loads(regular.content(self.file(digest)))
            return Result(digest, {entry["relpath"]: entry["md5"] for entry in entries})
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def run(self, given: Mapping[str, str]) -> Result | None:
        """What a task made of the same inputs before: the key is the command, the inputs, the names of the outputs."""
        wanted = {
            "cmd": _CMD,
            "deps": [{"path": path, "hash": "md5", "md5": given[path]} for path in sorted(given)],
            "outs": [places.OUT],
        }
        key = sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
        kept = self._place / "runs" / key[:2] / key
        for entry in sorted(kept.iterdir()) if kept.is_dir() else ():
            record = _lock(_yaml(entry))
            result = None if record is None else self.result(record.out)
            if result is not None:
                return result
        return None


def _configured(path: Path) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string("\n".join(line.strip() for line in regular.content(path).decode("utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return
    place = parser.get("cache", "dir", fallback="")
    if place:
        yield place


# --- what is there now ------------------------------------------------------------------------------------------------


def files(folder: Path) -> dict[str, Path]:
    """The files of a folder by their path in it."""
    return {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}


def text_digest(text: str) -> str:
    """DVC's hash of a file with this text."""
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def digest(path: Path, advance: Callable[[int], None] = lambda _bytes: None) -> str | None:
    """DVC's hash of a file or folder; None when nothing is there. `advance` is told of so many bytes that were read."""
    if path.is_dir():
        return folder_hash({name: digest(file) or "" for name, file in files(path).items()})
    try:
        with regular.opened(path) as stream:
            total = md5(usedforsecurity=False)
            while block := stream.read(_BLOCK):
                total.update(block)
                advance(len(block))
    except OSError:
        return None
    return total.hexdigest()


def folder_hash(files: Mapping[str, str]) -> str:
    """DVC's hash of a folder with these files: the md5 of its listing, sorted by the parts of the path."""
    listing = [{"md5": files[name], "relpath": name} for name in sorted(files)]
    return text_digest(json.dumps(listing, sort_keys=True)) + ".dir"
