"""`cotspec submit slurm [SPEC[@VARIANT]…]`: send every task that is not up to date to SLURM, each after what it reads.

What is in the queue already, whoever sent it, is found there and not sent again. One `submit` at a time in a project.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cotspec.cli import queue, ready, run_lock
from cotspec.cli.errors import ProblemError

if TYPE_CHECKING:
    from cotspec.history.results import Standing
    from cotspec.ir.plan import Task

_LOGS: Final = ".cotspec/logs"


def run(texts: Sequence[str], *, wait: bool) -> int:
    """Return the exit code: 1 after findings. Raises ProblemError."""
    found = ready.asked(texts)
    if found is None:
        return 1
    with run_lock.held(found.root, wait=wait):
        return _submit(found, texts)


def _submit(asked: ready.Asked, texts: Sequence[str]) -> int:
    from cotspec import slurm
    from cotspec.back import places
    from cotspec.history import results, unfinished

    root = asked.root
    _refuse_unasked(asked)
    try:
        # Asked first: what ends after this is either in the list or its result is there.
        jobs = slurm.queue(root)
    except slurm.SlurmError as error:
        raise ProblemError(str(error)) from error
    sent = {job.task: job.id for job in jobs}
    queued = sent.keys() & asked.tasks.keys()
    if not sent:
        ready.mend(root)
    standings = results.standings(root, asked.checked.sealed.plan)
    ready.refuse_unmerged(root, standings)
    todo = [task for task in asked.tasks.values() if standings[task.id].state != "reuse" and task.id not in queued]
    if here := sorted(unfinished.running(root) & {task.id for task in todo}):
        raise ProblemError(f"{', '.join(here)} runs on this machine: send it when that has ended")
    folders = {task.id: folder for folder, task in places.folders(asked.checked.sealed.plan)}
    if todo:
        _refuse_impossible(root, todo, folders)
        _prepare(root, todo, standings, folders, idle=not sent)
        all_tasks = asked.checked.sealed.tasks
        _pass_preflight(root, [id for id in sent if id in folders and places.awaited(folders[id], all_tasks[id])])
    (root / _LOGS).mkdir(parents=True, exist_ok=True)
    for task in todo:
        after = {sent[read.task]: None for read in task.reads.values() if read.task in sent}
        sent[task.id] = _send(root, task, folders[task.id], list(after))
    reused = len(asked.tasks) - len(todo) - len(queued)
    print(f"{len(todo)} of {len(asked.tasks)} tasks sent, {len(queued)} were in the queue, {reused} are up to date")
    if not texts:
        queue.tell_others([job for job in jobs if job.task not in asked.tasks])
    return 0


def _refuse_unasked(asked: ready.Asked) -> None:
    """A task without a batch script belongs to a spec that says nothing of SLURM; one may also be of an older build."""
    from cotspec.back import job_files, places
    from cotspec.back.jobs.slurm import Slurm

    plan = asked.checked.sealed.plan
    scripts = job_files.emit(plan)
    for folder, task in places.folders(plan):
        if task.id not in asked.tasks:
            continue
        if not queue.asks(task):
            advice = "write `slurm: {}` under `resources`, then `cotspec build`"
            raise ProblemError(f"{ready.name(task)}: its spec does not ask for SLURM; {advice}")
        if ready.text(asked.root / folder / Slurm.FILE) != scripts[f"{folder}/{Slurm.FILE}"]:
            raise ProblemError(f"{ready.name(task)}: its `resources` are not what was built; run `cotspec build`")


def _refuse_impossible(root: Path, todo: Sequence[Task], folders: Mapping[str, str]) -> None:
    """What SLURM would never run (GPUs of a partition that has none, more time than it gives) is known before the first
    task is sent. Scripts that ask for the same are asked about once. Raises ProblemError."""
    from cotspec import slurm
    from cotspec.back.jobs.slurm import Slurm

    alike: dict[tuple[str, ...], tuple[Task, Path]] = {}
    for task in todo:
        script = root / folders[task.id] / Slurm.FILE
        options = [line for line in ready.text(script).splitlines() if line.startswith("#SBATCH ")]
        alike.setdefault(tuple(line for line in options if task.id not in line), (task, script))
    for task, script in alike.values():
        if why := slurm.refusal(root, script):
            raise ProblemError(f"{ready.name(task)} can never run, so nothing was sent: {why} (see `resources`)")


def _prepare(
    root: Path, todo: Sequence[Task], standings: Mapping[str, Standing], folders: Mapping[str, str], *, idle: bool
) -> None:
    """What `dvc repro` would do before the first task: compare results that are there, and ask all models.

    DVC would take the jobs that run on other machines for dead ones, so while there are any it compares nothing, and a
    result that a job would read has to be in its place.
    """
    from cotspec.back import places

    reused = {each.task for task in todo for each in task.reads.values() if each.task}
    there = {folders[id] for id in reused if standings[id].state == "reuse"}
    if idle and there:
        print("comparing what the jobs will read with DVC's locks", file=sys.stderr, flush=True)
        ready.compare(root, there)
    elif gone := sorted(folder for folder in there if not (root / folder / places.OUT).is_dir()):
        raise ProblemError(f"{gone[0]}/{places.OUT} has to be checked out, and that takes an empty queue: wait for it")


def _pass_preflight(root: Path, waiting: Collection[str]) -> None:
    """Here and not in a job: models that cannot do what is asked are known before anything waits in a queue. Tasks that
    wait for the preflight read its result, which must not change meanwhile: then it leaves none, and DVC records it
    another time."""
    from cotspec.back import places
    from cotspec.history import results
    from cotspec.spec.run_settings import ELSEWHERE

    if results.preflight_passed(root, gpus=not waiting):
        return
    print("asking all models what the tasks ask of them", file=sys.stderr, flush=True)
    environment = ready.environment(jobs=1) | {ELSEWHERE: "1"}
    beside = waiting and (root / places.PREFLIGHT / places.OUT).is_dir()
    ask = (environment["COTSPEC_PYTHON"], "-P", "-m", "cotspec.runtime.preflight", "payload.json", "run.json")
    done = subprocess.run(  # noqa: S603 - our own command line
        ask if beside else ready.dvc(places.target(places.PREFLIGHT), "-s"),
        cwd=root / places.PREFLIGHT if beside else root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout.strip(), file=sys.stderr)
        raise ProblemError("the preflight did not pass, so nothing was sent")


def _send(root: Path, task: Task, folder: str, after: Collection[str]) -> str:
    from cotspec import slurm
    from cotspec.back.jobs.slurm import Slurm

    environment = {"COTSPEC_PYTHON": sys.executable, "DVC_NO_ANALYTICS": "1"}
    try:
        job = slurm.send(root, root / folder / Slurm.FILE, after=after, environment=environment)
    except slurm.SlurmError as error:
        advice = "what was sent before it stays in the queue; the next `cotspec submit slurm` goes on from there"
        raise ProblemError(f"{ready.name(task)} cannot be sent: {error}\n{advice}") from error
    waits = f", after {', '.join(after)}" if after else ""
    print(f"job {job}: {ready.name(task)} ({task.id}){waits}", flush=True)
    return job
