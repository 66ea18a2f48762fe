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

from cotspec.cli import findings, pulling, queue, ready, run_lock
from cotspec.cli.errors import ProblemError
from cotspec.cli.run_shown import Shown

if TYPE_CHECKING:
    from cotspec.compiler import Checked
    from cotspec.history.results import Standing
    from cotspec.ir.plan import Task
    from cotspec.parallel import Job

_LOGS: Final = ".cotspec/logs"


def run(texts: Sequence[str], *, jobs: int, wait: bool, pull: bool) -> int:
    """Return the exit code: 1 after findings or when a task failed. Raises ProblemError."""
    asked = ready.asked(texts)
    if asked is None:
        return 1
    with run_lock.held(asked.root, wait=wait):
        code = _run(*asked, jobs, pull=pull)
    if not code:
        _show(*asked)
    return code


def _run(root: Path, checked: Checked, wanted: Mapping[str, Task], jobs: int, *, pull: bool) -> int:
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
    folders = {task.id: folder for folder, task in places.folders(checked.sealed.plan)}
    standings = pulling.standings(root, checked, {id: folders[id] for id in wanted}, pull=pull)
    ready.refuse_unmerged(root, standings)
    todo = [task for task in wanted.values() if standings[task.id].state != "reuse"]
    reused = {id for id, standing in standings.items() if standing.state == "reuse"}
    devices = parallel.gpus(os.environ)
    _refuse_too_few(todo, devices)
    listed = [_job(root, folders[task.id], task, standings) for task in todo]
    away = {folders[id] for id in reused & wanted.keys() if _away(root / folders[id], standings[id])}
    if away:
        print(f"bringing back {len(away)} results from DVC's cache", flush=True)
    read = {folders[r.task] for task in todo for r in task.reads.values() if r.task in reused}
    ready.compare(root, away | read)
    if not results.preflight_passed(root):
        first = _preflight(root, gpus=len(devices))
        listed = [first, *(replace(job, waits=job.waits | {first.id}) for job in listed)]
    called = {job.id: job.id for job in listed} | {task.id: ready.name(task) for task in todo}
    shown = Shown(called, {job.id: job.log for job in listed}, root)

    def stands(id: str) -> bool:
        now = results.standings(root, checked.sealed.plan).get(id)
        return results.preflight_passed(root) if now is None else now.state == "reuse"

    pool = parallel.Pool(
        most=jobs,
        devices=devices,
        environment=ready.environment(jobs),
        cwd=root,
        tell=shown.tell,
        stands=stands,
        look=shown.look,
    )
    with shown.live():
        failed = pool.run(listed)
    if failed:
        findings.tell_damage(root)
    if not failed and len(wanted) == len(folders):
        _record(root, checked)
    done = sum(task.id not in failed for task in todo)
    if listed:
        print(f"{done} of {len(todo)} tasks run, {len(wanted) - len(todo)} were up to date")
    else:
        print(f"nothing to run, {len(wanted)} tasks are up to date")
    return 1 if failed else 0


def _away(folder: Path, standing: Standing) -> bool:
    """Whether a result counts and is not in its place: its lock went with a spec that came back, or its files did."""
    from cotspec.back import places
    from cotspec.history.results import RUN_CACHE

    return standing.reason == RUN_CACHE or not (folder / places.OUT).is_dir()


def _refuse_too_few(todo: Sequence[Task], devices: Sequence[str]) -> None:
    if wide := ready.on_several_machines(todo):
        raise ProblemError(f"{wide}: start it with `cotspec submit slurm`")
    most = max(todo, key=lambda task: task.launch.settings.devices, default=None)
    if most is not None and most.launch.settings.devices > len(devices):
        from cotspec.spec.run_settings import too_few_gpus

        others = sum(task.launch.settings.devices > len(devices) for task in todo) - 1
        needs = most.launch.settings.devices
        raise ProblemError(too_few_gpus(ready.name(most), needs=needs, seen=len(devices), others=others))


def _show(root: Path, checked: Checked, wanted: Mapping[str, Task]) -> None:
    """What came out, last of all."""
    from cotspec.cli.results import outcomes_of
    from cotspec.views import results

    shown = [outcome for outcome in outcomes_of(root, checked) if outcome.task in wanted]
    print(f"\n{results.text(shown, colour=findings.colour(sys.stdout), width=findings.width(sys.stdout))}", end="")


def _record(root: Path, checked: Checked) -> None:
    """Have DVC record that all is up to date, so that a plain `dvc repro` has nothing to do."""
    from cotspec.back import dvc, places

    if ready.text(root / places.ROOT_DVC) != dvc.root(checked.sealed.plan):
        return  # more experiments are built here than were asked for
    for options in (("-s",), ()):  # a report that lies in the run cache alone is not fetched with `-s`
        done = subprocess.run(  # noqa: S603 - our own command line
            ready.dvc(places.ALL, *options),
            cwd=root,
            env=ready.environment(jobs=1),
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.returncode:
            return
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
        gpus=task.launch.settings.devices,
        log=root / _LOGS / f"run-{task.id}.log",
    )
