"""`cotspec run [SPEC[@VARIANT]…] -j N`: bring experiments up to date, independent tasks side by side.

First DVC compares what earlier runs left, and is read now, with its locks and checks out again what was edited or
removed. Then each task is a `dvc --wait-for-lock repro -s` of its own, so the result is that of a plain `dvc repro`.
With `-s`, because DVC locks what a task reads while it runs: a second one that reads it could not look at its maker.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cotspec.cli import findings, queue, ready, run_lock
from cotspec.cli.errors import ProblemError

if TYPE_CHECKING:
    from cotspec.compiler import Checked
    from cotspec.history.results import Standing
    from cotspec.ir.plan import Task
    from cotspec.parallel import Event, Job

_LOGS: Final = ".cotspec/logs"


def run(texts: Sequence[str], *, jobs: int, wait: bool) -> int:
    """Return the exit code: 1 after findings or when a task failed. Raises ProblemError."""
    found = ready.asked(texts)
    if found is None:
        return 1
    with run_lock.held(found.root, wait=wait):
        return _run(*found, jobs)


def _run(root: Path, checked: Checked, wanted: Mapping[str, Task], jobs: int) -> int:
    from cotspec import parallel
    from cotspec.back import places
    from cotspec.history import results, unfinished

    if jobs_of_slurm := queue.jobs(root, wanted.values()):
        names = ", ".join(job.id for job in jobs_of_slurm)
        raise ProblemError(f"SLURM has jobs of this project ({names}): wait for them, or `cotspec cancel`")
    ready.mend(root)
    at_work = sorted(unfinished.running(root) & wanted.keys())
    if at_work:
        print(f"running already, by `dvc repro` or by hand: {', '.join(at_work)}; waited for", file=sys.stderr)
    standings = results.standings(root, checked.sealed.plan)
    ready.refuse_unmerged(root, standings)
    todo = [task for task in wanted.values() if standings[task.id].state != "reuse"]
    reused = {id for id, standing in standings.items() if standing.state == "reuse"}
    devices = parallel.gpus(os.environ)
    _refuse_too_few(todo, devices)
    folders = {task.id: folder for folder, task in places.folders(checked.sealed.plan)}
    listed = [_job(root, folders[task.id], task, standings) for task in todo]
    ready.compare(root, {folders[r.task] for task in todo for r in task.reads.values() if r.task in reused})
    if not results.preflight_passed(root):
        first = _preflight(root, gpus=len(devices))
        listed = [first, *(replace(job, waits=job.waits | {first.id}) for job in listed)]
    teller = _Teller({job.id: job.id for job in listed} | {task.id: ready.name(task) for task in todo}, root)
    pool = parallel.Pool(most=jobs, devices=devices, environment=ready.environment(jobs), cwd=root, tell=teller.tell)
    failed = pool.run(listed)
    if failed:
        findings.tell_damage(root)
    if not failed and len(wanted) == len(folders):
        _record(root, checked)
    done = sum(task.id not in failed for task in todo)
    print(f"{done} of {len(todo)} tasks run, {len(wanted) - len(todo)} were up to date")
    return 1 if failed else 0


def _refuse_too_few(todo: Sequence[Task], devices: Sequence[str]) -> None:
    most = max(todo, key=lambda task: task.launch.settings.gpus, default=None)
    if most is not None and most.launch.settings.gpus > len(devices):
        needs = most.launch.settings.gpus
        raise ProblemError(f"{ready.name(most)} needs {needs} GPUs and {len(devices)} can be seen here")


def _record(root: Path, checked: Checked) -> None:
    """Have DVC record that all is up to date, so that a plain `dvc repro` has nothing to do."""
    from cotspec.back import dvc, places

    if ready.text(root / places.ROOT_DVC) != dvc.root(checked.sealed.plan):
        return  # more experiments are built here than were asked for
    done = subprocess.run(  # noqa: S603 - our own command line
        ready.dvc(places.ALL, "-s"),
        cwd=root,
        env=ready.environment(jobs=1),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ProblemError(f"all tasks are up to date, but DVC cannot record it: {done.stderr.strip()}")


def _preflight(root: Path, *, gpus: int) -> Job:
    """The check of all models that is run before anything else (DVC runs it first by itself); it looks for all GPUs."""
    from cotspec.back import places
    from cotspec.parallel import Job

    name = places.STAGE_OF_PREFLIGHT
    command, log = ready.dvc(places.target(places.PREFLIGHT)), root / _LOGS / f"run-{name}.log"
    return Job(id=name, command=command, waits=frozenset(), gpus=gpus, log=log)


def _job(root: Path, folder: str, task: Task, standings: Mapping[str, Standing]) -> Job:
    from cotspec.back import places
    from cotspec.parallel import Job

    return Job(
        id=task.id,
        command=ready.dvc(places.target(folder), "-s"),
        waits=frozenset(r.task for r in task.reads.values() if r.task and standings[r.task].state != "reuse"),
        gpus=task.launch.settings.gpus,
        log=root / _LOGS / f"run-{task.id}.log",
    )


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
