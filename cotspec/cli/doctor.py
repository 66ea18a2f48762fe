"""`cotspec doctor`: whether results are what DVC recorded, byte by byte, and what stands in the way of the next run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.cli import project
from cotspec.cli.bar import bytes_of
from cotspec.cli.errors import ProblemError

if TYPE_CHECKING:
    from cotspec.history.integrity import Fault


def run() -> int:
    """Return 0 when all is as it was recorded, 1 after findings. Raises ProblemError."""
    from cotspec.history import unfinished
    from cotspec.history.integrity import Examination

    root = project.find_root(Path.cwd())
    if not (root / ".dvc").is_dir():
        raise ProblemError(f"{root} has no .dvc: there is nothing to look at before `cotspec init` and a run")
    busy = unfinished.running(root)
    examination = Examination(root=root, busy=busy)
    with bytes_of("hashing", examination.bytes()) as advance:
        examination.advance = advance
        faults = [*_in_the_way(root), *examination.faults(), *_leftovers(root)]
    for fault in faults:
        print(f"{fault.path} {fault.what}\n    {' or: '.join(fault.commands)}")
    looked = _count(len(examination.recorded), "recorded result")
    looked += f" ({_count(len(busy), 'task')} at work left out)" if busy else ""
    print(f"{looked}, {_count(len(faults), 'finding')}" if faults else f"{looked}: all as recorded, nothing left over")
    return 1 if faults else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _in_the_way(root: Path) -> Iterator[Fault]:
    from cotspec import recovery
    from cotspec.history import locks
    from cotspec.history.integrity import Fault

    for each in recovery.damage(root):
        yield Fault(path=each.path, what=f"{each.what}, and DVC refuses to work", commands=("cotspec run",))
    for folder in ("", *locks.folders(root)):
        if locks.in_merge(root, folder):
            name = f"{folder}/dvc.lock".lstrip("/")
            choices = (f"git checkout --ours {name}", f"git checkout --theirs {name}")
            yield Fault(
                path=name, what="has the marks of an unfinished merge, and DVC refuses to work", commands=choices
            )


def _leftovers(root: Path) -> Iterator[Fault]:
    from cotspec.history import unfinished
    from cotspec.history.integrity import Fault

    for work, size in unfinished.leftovers(root).items():
        path = work.relative_to(root).as_posix()
        kind = "the finished result" if unfinished.result(work) else "unfinished work"
        what = f"is {kind} ({size / 1e6:,.1f} MB) of a task that is not built any more"
        yield Fault(path=path, what=what, commands=(f"rm -r {path}",))
