"""What `run` and `submit` do before they start anything: which tasks are asked for, whether they are built and can read
what earlier runs left; and how DVC is called for one task."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cotspec.cli import findings, project
from cotspec.cli.errors import ProblemError
from cotspec.cli.selection import Named, named

if TYPE_CHECKING:
    from cotspec.compiler import Checked
    from cotspec.history.results import Standing
    from cotspec.ir.plan import Task


class Asked(NamedTuple):
    """What a command is to bring up to date."""

    root: Path
    checked: Checked
    tasks: Mapping[str, Task]
    """By id, producers first."""


def asked(texts: Sequence[str], *, built: bool = True) -> Asked | None:
    """The experiments that are named, or all of the project; None after findings were shown. Raises ProblemError, also
    when they have to be `built` and are not as they are now."""
    from cotspec.compiler import check_specs
    from cotspec.diagnostics import Sink

    if find_spec("dvc") is None:
        raise ProblemError("DVC is not installed: pip install 'cotspec[train]'")
    root = project.find_root(Path.cwd())
    given = named(root, texts)
    sink = Sink()
    checked = check_specs(given.specs, sink)
    if checked is None:
        findings.show(sink, stream=sys.stderr)
        return None
    wanted = _tasks(checked, given)
    if built:
        _refuse_unbuilt(root, checked, wanted, given)
    return Asked(root, checked, wanted)


def mend(root: Path) -> None:
    """Mend what DVC left when it was killed. Raises ProblemError."""
    from cotspec import recovery

    try:
        for each in recovery.mend(root):
            print(f"mended: {each}", file=sys.stderr)
    except recovery.AtWorkError as error:
        raise ProblemError(str(error)) from error
    except OSError as error:
        raise ProblemError(f"what stops DVC cannot be mended: {error.filename or ''} {error.strerror}") from error


def _tasks(checked: Checked, given: Named) -> dict[str, Task]:
    """The tasks of the experiments that are named, producers first."""
    needed = checked.of(given.of(checked.units)).sealed.tasks
    return {id: task for id, task in checked.sealed.tasks.items() if id in needed}


def _refuse_unbuilt(root: Path, checked: Checked, wanted: Mapping[str, Task], given: Named) -> None:
    from cotspec.back import payloads, places

    for folder, task in places.folders(checked.sealed.plan):
        if task.id not in wanted:
            continue
        if text(root / folder / "payload.json") != payloads.text(folder, task):
            raise ProblemError(f"{name(task)}: what is built is not what the spec says now; run {_build(given)}")


def _build(given: Named) -> str:
    """The command that builds what was named, in words."""
    if not given.selections:
        return "`cotspec build`"
    others = "with the other specs that are to stay built, since a build removes what it is not asked for"
    return f"`cotspec build {shlex.join(given.specs)}`, {others}"


def text(path: Path) -> str:
    """What is there; nothing when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def refuse_unmerged(root: Path, standings: Mapping[str, Standing]) -> None:
    """DVC runs nothing in a project with a lock that it cannot read."""
    from cotspec.history.locks import in_merge_for_all

    names = [*in_merge_for_all(root), *(id for id, each in standings.items() if each.state == "unfinished merge")]
    if names:
        raise ProblemError(f"unfinished merge: {', '.join(names)}; `cotspec plan` says what to do")


def dvc(target: str, *options: str) -> tuple[str, ...]:
    """The command that brings a target up to date, and waits for its turn to write."""
    return (sys.executable, "-P", "-m", "dvc", "--wait-for-lock", "repro", *options, target)


def compare(root: Path, folders: Collection[str]) -> None:
    """Have DVC look at results that are there, and at what they were made of, before anything reads them."""
    from cotspec.back import places

    if not folders:
        return
    command = dvc(*(places.target(folder) for folder in sorted(folders)))
    done = subprocess.run(  # noqa: S603 - our own command line
        command, cwd=root, env=environment(jobs=1), capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = f"{done.stdout.strip()}\n{done.stderr.strip()}"
        raise ProblemError(f"the look at what is there already has failed, so nothing was started:\n{said}")


def name(task: Task) -> str:
    """What a person would call a task."""
    return str(task.labels[0])


def on_several_machines(tasks: Iterable[Task]) -> str:
    """Which task only a scheduler can start, and why; "" where there is none."""
    wide = [task for task in tasks if task.launch.nodes > 1]
    more = f" and {len(wide) - 1} more" if len(wide) > 1 else ""
    return f"{name(wide[0])}{more} trains on {wide[0].launch.nodes} machines at once" if wide else ""


def environment(jobs: int) -> dict[str, str]:
    """Without a number of threads, the cores are shared out: threads that wait for each other cost a factor of ten."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    return {"OMP_NUM_THREADS": str(threads), "DVC_NO_ANALYTICS": "1", "COTSPEC_PYTHON": sys.executable, **os.environ}
