"""What a killed DVC leaves that stops every later one: told by `plan`, `status` and `doctor`, mended by `cotspec run`.

DVC writes `.dvc/tmp/rwlock` and each `dvc.lock` in place, so that a kill in that moment leaves them empty or cut off.
And the rwlock names processes by their number only: once another process has that number, every run is refused.
Nothing is touched while a DVC is at work in the project. Knows DVC's files and Linux's processes; no spec, no task.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cotspec.files import plain, regular
from cotspec.history import locks

RWLOCK: Final = ".dvc/tmp/rwlock"
_GUARD: Final = ".dvc/tmp/rwlock.lock"
"""DVC holds an flock on it while it reads and writes the rwlock."""
_LARGEST: Final = 10_000_000
_MARKS: Final = (b"<<<<<<<", b">>>>>>>")
"""Of an unfinished merge: a person's work."""
_END: Final = re.compile(rb"(size|nfiles): [0-9]+\n\Z")
"""Of a dvc.lock that is whole; the others are looked at more closely."""
_MARGIN: Final = 2.0
"""Seconds by which a process must be younger than an entry to be surely another one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Damage:
    """A file that stops DVC, by its path in the project, and why."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path} {self.what}"


class AtWorkError(RuntimeError):
    """A DVC is at work in the project, so nothing can be mended; the message says what to do."""


def damage(root: Path) -> tuple[Damage, ...]:
    """What stops DVC in this project; empty while one is at work there, whose half-written file will be whole."""
    damages = (*_of_rwlock(root), *_of_locks(root))
    return damages if damages and not at_work(root) else ()


def mend(root: Path) -> tuple[Damage, ...]:
    """Mend what stops DVC and return what that was. Raises AtWorkError, and OSError when nothing can be written."""
    with _guarded(root) as held:
        damages = (*_of_rwlock(root), *_of_locks(root))
        if not damages:
            return ()
        if living := at_work(root):
            pids = ", ".join(map(str, living))
            raise AtWorkError(f"{damages[0]}, and DVC is at work here (pid {pids}): when it has ended, run again")
        if not held:  # somebody has just begun
            raise AtWorkError(f"{damages[0]}, and another DVC is at work here: when it has ended, run again")
        for each in damages:
            _mend(root, each.path)
        return damages


def mend_task(root: Path, folder: str) -> tuple[Damage, ...]:
    """Mend what a killed DVC of one task left, while others are at work in the project, also on other machines. Whoever
    calls this knows that nobody else runs this task. Raises OSError."""
    damages = list(_of_lock(root, f"{folder}/{locks.LOCK}"))
    for each in damages:
        _mend(root, each.path)
    with _guarded(root, wait=True):
        try:
            content = regular.content(root / RWLOCK, most=_LARGEST, within=(root,))
        except OSError:
            return tuple(damages)
        kept = _without(content, f"{folder}/dvc.yaml")
        if kept is None:
            damages.append(Damage(path=RWLOCK, what="was cut off while DVC wrote it"))
            _write_rwlock(root, "{}")
        elif kept != plain.json_value(content):
            damages.append(Damage(path=RWLOCK, what="named a run of this task that was killed"))
            _write_rwlock(root, json.dumps(kept))
    return tuple(damages)


def _without(content: bytes, target: str) -> dict[str, Any] | None:
    """The rwlock without what runs of one target hold; None when DVC could not read it."""
    if _entries(content) is None:
        return None
    data = plain.json_value(content)

    def others(entry: Mapping[str, Any]) -> bool:
        return not str(entry["cmd"]).endswith(f" {target}")

    reads = {path: held for path, entries in data.get("read", {}).items() if (held := list(filter(others, entries)))}
    writes = {path: entry for path, entry in data.get("write", {}).items() if others(entry)}
    kept = {"read": reads, "write": writes}
    return {mode: held for mode, held in kept.items() if mode in data}


def at_work(root: Path) -> list[int]:
    """The processes that are a DVC and work in this project."""
    here = os.path.realpath(root)
    return [pid for pid in _pids() if _is_dvc(_words(pid)) and f"{_folder(pid)}/".startswith(f"{here}/")]


def _mend(root: Path, path: str) -> None:
    if path == RWLOCK:
        _write_rwlock(root, "{}")
    else:  # what it said is in the run cache, or the result is still in the task's scratch
        (root / path).unlink()


def _write_rwlock(root: Path, text: str) -> None:
    half = root / f"{RWLOCK}.mended"
    half.write_text(text, encoding="utf-8")
    half.replace(root / RWLOCK)


@contextlib.contextmanager
def _guarded(root: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold DVC's own guard of the rwlock; false when another has it and is not waited for."""
    try:
        descriptor = os.open(root / _GUARD, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:  # DVC has never run here
        yield True
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


# --- the rwlock -------------------------------------------------------------------------------------------------------


def _of_rwlock(root: Path) -> Iterator[Damage]:
    file = root / RWLOCK
    try:
        content, written = regular.content(file, most=_LARGEST, within=(root,)), file.stat().st_mtime
    except OSError:
        return
    entries = _entries(content)
    if entries is None:
        yield Damage(path=RWLOCK, what="was cut off while DVC wrote it")
    elif stale := sorted({pid for pid, command in entries if _exists(pid) and not _owns(pid, command, written)}):
        yield Damage(path=RWLOCK, what=f"names process {', '.join(map(str, stale))}, which is another one by now")


def _entries(content: bytes) -> list[tuple[int, str]] | None:
    """Process and command of all who hold a path; None when DVC could not read it."""
    try:
        data = plain.json_value(content)
        read = [entry for entries in data.get("read", {}).values() for entry in entries]
        return [(int(entry["pid"]), str(entry["cmd"])) for entry in (*read, *data.get("write", {}).values())]
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def _owns(pid: int, command: str, written: float) -> bool:
    """Whether a process can be the one of an entry that was there at `written`: not when it began later, or is no DVC
    with these arguments. Where processes cannot be asked, every one can be."""
    words = _words(pid)
    if not words:
        return not Path("/proc/self").exists()
    arguments = command.partition(" ")[2]
    younger = _age(pid) + _MARGIN < time.time() - written
    return not younger and _is_dvc(words) and " ".join(words).endswith(arguments)


# --- dvc.lock ---------------------------------------------------------------------------------------------------------


def _of_locks(root: Path) -> Iterator[Damage]:
    for path in ("dvc.lock", *(f"{folder}/dvc.lock" for folder in locks.folders(root))):
        yield from _of_lock(root, path)


def _of_lock(root: Path, path: str) -> Iterator[Damage]:
    with contextlib.suppress(OSError):
        if _cut_off(regular.content(root / path, most=_LARGEST, within=(root,))):
            yield Damage(path=path, what="was cut off while DVC wrote it")


def _cut_off(content: bytes) -> bool:
    """Whether DVC began to write this and did not come to its end. Anything else is a person's to mend."""
    if not content.strip():
        return True
    if _END.search(content) or not content.startswith(b"schema:") or any(mark in content for mark in _MARKS):
        return False
    try:
        stages = plain.yaml_value(content)["stages"]
        return not stages or not all(_whole(stage) for stage in stages.values())
    except (ValueError, TypeError, LookupError, AttributeError):
        return True


def _whole(stage: Mapping[str, Any]) -> bool:
    """A stage's record is whole when its command is named and every path has its hash."""
    paths = [*stage.get("deps", ()), *stage.get("outs", ())]
    return "cmd" in stage and bool(paths) and all({"path", "hash"} <= entry.keys() for entry in paths)


# --- processes --------------------------------------------------------------------------------------------------------


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    except OSError:
        return []


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def _words(pid: int) -> list[str]:
    """Its command line; nothing for one that ended or cannot be asked."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode(errors="replace").split("\0")
    except OSError:
        return []


def _is_dvc(words: Sequence[str]) -> bool:
    """`dvc …`, `python …/bin/dvc …` or `python -m dvc …`, which may have an option of Python before it."""
    first = [os.path.basename(word) for word in words[:2]]
    return "dvc" in first or ["-m", "dvc"] in (list(words[1:3]), list(words[2:4]))


def _folder(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def _age(pid: int) -> float:
    """Seconds since a process began (field 22 of stat, in ticks since the machine did); endless when it is gone."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19])
        up = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, LookupError):
        return float("inf")
    return up - ticks / os.sysconf("SC_CLK_TCK")
