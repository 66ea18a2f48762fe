"""`cotspec run [SPEC[@VARIANT]…] -j N`: bring experiments up to date, independent tasks side by side.

First DVC compares what earlier runs left, and is read now, with its locks and checks out again what was edited or
removed. Then each task is a `dvc --wait-for-lock repro -s` of its own, so the result is that of a plain `dvc repro`.
With `-s`, because DVC locks what a task reads while it runs: a second one that reads it could not look at its maker.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cotspec.cli import findings, project, run_lock
from cotspec.cli.errors import ProblemError
from cotspec.cli.selection import Selection, member, selected

if TYPE_CHECKING:
    from cotspec.compiler import Checked
    from cotspec.history.results import Standing
    from cotspec.ir.plan import Task
    from cotspec.parallel import Event, Job

_LOGS: Final = ".cotspec/logs"


def run(texts: Sequence[str], *, jobs: int, wait: bool) -> int:
    """Return the exit code: 1 after findings or when a task failed. Raises ProblemError."""
    from cotspec.compiler import check_specs
    from cotspec.diagnostics import Sink

    if find_spec("dvc") is None:
        raise ProblemError("DVC is not installed: pip install 'cotspec[train]'")
    root = project.find_root(Path.cwd())
    selections = [selected(root, text) for text in texts]
    chosen = {each.place: each.path for each in selections} or project.chosen(root, [])
    sink = Sink()
    checked = check_specs(chosen, sink)
    if checked is None:
        findings.show(sink, stream=sys.stderr)
        return 1
    wanted = _tasks(checked, selections)
    _refuse_unbuilt(root, checked, wanted)
    with run_lock.held(root, wait=wait):
        return _run(root, checked, wanted, jobs)


def _run(root: Path, checked: Checked, wanted: Mapping[str, Task], jobs: int) -> int:
    from cotspec import parallel
    from cotspec.back import places
    from cotspec.history import results, unfinished

    _mend(root)
    at_work = sorted(unfinished.running(root) & wanted.keys())
    if at_work:
        print(f"running already, by `dvc repro` or by hand: {', '.join(at_work)}; waited for", file=sys.stderr)
    standings = results.standings(root, checked.sealed.plan)
    _refuse_unmerged(root, standings)
    todo = [task for task in wanted.values() if standings[task.id].state != "reuse"]
    reused = {id for id, standing in standings.items() if standing.state == "reuse"}
    devices = parallel.gpus(os.environ)
    _refuse_too_few(todo, devices)
    folders = {task.id: folder for folder, task in places.folders(checked.sealed.plan)}
    listed = [_job(root, folders[task.id], task, standings) for task in todo]
    _compare(root, {folders[r.task] for task in todo for r in task.reads.values() if r.task in reused})
    if not results.preflight_passed(root):
        first = _preflight(root)
        listed = [first, *(replace(job, waits=job.waits | {first.id}) for job in listed)]
    teller = _Teller({job.id: job.id for job in listed} | {task.id: _name(task) for task in todo}, root)
    pool = parallel.Pool(most=jobs, devices=devices, environment=_environment(jobs), cwd=root, tell=teller.tell)
    failed = pool.run(listed)
    if failed:
        findings.tell_damage(root)
    if not failed and len(wanted) == len(folders):
        _record(root, checked)
    done = sum(task.id not in failed for task in todo)
    print(f"{done} of {len(todo)} tasks run, {len(wanted) - len(todo)} were up to date")
    return 1 if failed else 0


def _mend(root: Path) -> None:
    """Mend what DVC left when it was killed. Raises ProblemError."""
    from cotspec import recovery

    try:
        for each in recovery.mend(root):
            print(f"mended: {each}", file=sys.stderr)
    except recovery.AtWorkError as error:
        raise ProblemError(str(error)) from error
    except OSError as error:
        raise ProblemError(f"what stops DVC cannot be mended: {error.filename or ''} {error.strerror}") from error


def _tasks(checked: Checked, selections: Sequence[Selection]) -> dict[str, Task]:
    """The tasks of the experiments that are named, producers first; without any, of all."""
    from cotspec.views.planned import planned

    every = planned(checked.units, checked.sealed)
    names = {name for each in selections for name in _names(checked, each)} or set(every)
    needed = {task.id for name in names for task in every[name].tasks.values()}
    return {id: task for id, task in checked.sealed.tasks.items() if id in needed}


def _names(checked: Checked, selection: Selection) -> Iterator[str]:
    """A variant, or a spec with all its variants."""
    if selection.variant:
        yield member(checked.units, selection)[0].name
    else:
        yield from (unit.name for unit in checked.units if unit.place == selection.place)


def _refuse_unbuilt(root: Path, checked: Checked, wanted: Mapping[str, Task]) -> None:
    from cotspec.back import payloads, places

    for folder, task in places.folders(checked.sealed.plan):
        if task.id not in wanted:
            continue
        if _text(root / folder / "payload.json") != payloads.text(folder, task):
            raise ProblemError(f"{_name(task)}: what is built is not what the spec says now; run `cotspec build`")


def _text(path: Path) -> str:
    """What is there; nothing when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _refuse_unmerged(root: Path, standings: Mapping[str, Standing]) -> None:
    """DVC runs nothing in a project with a lock that it cannot read."""
    from cotspec.history.locks import in_merge_for_all

    names = [*in_merge_for_all(root), *(id for id, each in standings.items() if each.state == "unfinished merge")]
    if names:
        raise ProblemError(f"unfinished merge: {', '.join(names)}; `cotspec plan` says what to do")


def _refuse_too_few(todo: Sequence[Task], devices: Sequence[str]) -> None:
    most = max(todo, key=lambda task: task.launch.settings.gpus, default=None)
    if most is not None and most.launch.settings.gpus > len(devices):
        needs = most.launch.settings.gpus
        raise ProblemError(f"{_name(most)} needs {needs} GPUs and {len(devices)} can be seen here")


def _record(root: Path, checked: Checked) -> None:
    """Have DVC record that all is up to date, so that a plain `dvc repro` has nothing to do."""
    from cotspec.back import dvc, places

    if _text(root / places.ROOT_DVC) != dvc.root(checked.sealed.plan):
        return  # more experiments are built here than were asked for
    done = subprocess.run(  # noqa: S603 - our own command line
        _dvc(places.ALL, "-s"), cwd=root, env=_environment(jobs=1), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ProblemError(f"all tasks are up to date, but DVC cannot record it: {done.stderr.strip()}")


def _dvc(target: str, *options: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *options, target)


def _compare(root: Path, folders: Collection[str]) -> None:
    """Have DVC look at results that are there, and at what they were made of, before anything reads them."""
    from cotspec.back import places

    if not folders:
        return
    command = _dvc(*(places.target(folder) for folder in sorted(folders)))
    done = subprocess.run(  # noqa: S603 - our own command line
        command, cwd=root, env=_environment(jobs=1), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ProblemError(f"what earlier runs left cannot be used:\n{done.stdout.strip()}\n{done.stderr.strip()}")


def _preflight(root: Path) -> Job:
    """The check of all models that is run before anything else (DVC runs it first by itself)."""
    from cotspec.back import places
    from cotspec.parallel import Job

    name = places.STAGE_OF_PREFLIGHT
    command, log = _dvc(places.target(places.PREFLIGHT)), root / _LOGS / f"run-{name}.log"
    return Job(id=name, command=command, waits=frozenset(), gpus=0, log=log)


def _job(root: Path, folder: str, task: Task, standings: Mapping[str, Standing]) -> Job:
    from cotspec.back import places
    from cotspec.parallel import Job

    return Job(
        id=task.id,
        command=_dvc(places.target(folder), "-s"),
        waits=frozenset(r.task for r in task.reads.values() if r.task and standings[r.task].state != "reuse"),
        gpus=task.launch.settings.gpus,
        log=root / _LOGS / f"run-{task.id}.log",
    )


def _name(task: Task) -> str:
    return str(task.labels[0])


def _environment(jobs: int) -> dict[str, str]:
    """Without a number of threads, the cores are shared out: threads that wait for each other cost a factor of ten."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    return {"OMP_NUM_THREADS": str(threads), "DVC_NO_ANALYTICS": "1", "COTSPEC_PYTHON": sys.executable, **os.environ}


class _Teller:
    """Says what happens, one line each."""

    def __init__(self, names: Mapping[str, str], root: Path) -> None:
        self.names, self.root, self.ended = names, root, 0

    def tell(self, event: Event, id: str, seconds: float) -> None:
        """One line; a task that failed shows the end of what it printed."""
        self.ended += event != "start"
        count = f"[{self.ended}/{len(self.names)}]"
        match event:
            case "start":
                print(f"{count} start   {self.names[id]} ({id})", flush=True)
            case "done":
                print(f"{count} done    {self.names[id]} in {seconds:.0f} s", flush=True)
            case "held":
                print(f"{count} not run {self.names[id]}: it needs a task that failed", flush=True)
            case "failed":
                log = self.root / _LOGS / f"run-{id}.log"
                print(f"{count} FAILED  {self.names[id]} after {seconds:.0f} s; the end of {log}:", file=sys.stderr)
                print("\n".join(log.read_text(errors="replace").splitlines()[-15:]), file=sys.stderr, flush=True)
