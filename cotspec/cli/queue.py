"""What SLURM has of a project, and what its jobs have come to, for the commands that tell or change it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from cotspec.cli.errors import ProblemError

if TYPE_CHECKING:
    from cotspec.history.results import Standing
    from cotspec.ir.plan import Task
    from cotspec.slurm import Queued

BEGINS: Final = "a job of SLURM begins:"
"""The first that each job says; its log has what all jobs of a task said."""
State = Literal["queued", "running", "failed"]
_NAMED: Final = 6
"""Jobs that a line names."""
_TAIL: Final = 4000
"""Bytes of the end of a log that are looked at."""
_SAID_OF_IT: Final = ("ERROR: failed to reproduce", "Running stage", "> bash launch.sh")
"""What DVC says before and after a task; why it failed stands before that."""
_OURS: Final = "cotspec: "
_MEMORY: Final = "it ran out of its `mem`: raise it under `resources.slurm`"
_OF_SLURM: Final = "slurmstepd"
_ENDED_BY_SLURM: Final = {
    "DUE TO TIME LIMIT": "it ran out of its `time`; sent again, it goes on from its last checkpoint",
    "oom_kill event": _MEMORY,
    "oom-kill event": _MEMORY,
    "memory limit": _MEMORY,
    "DUE TO NODE FAILURE": "its machine failed; sent again, it goes on from its last checkpoint",
    "DUE TO PREEMPTION": "it was taken back for another job; sent again, it goes on from its last checkpoint",
    "CANCELLED AT": "it was cancelled",
}
"""What SLURM writes into the log of a job that it ends, the narrower before the wider → what that is."""
_ENDED_WELL: Final = ("Use `dvc push`", "Data and pipelines are up to date.")
"""The last that DVC says of a result that it recorded, or that was there."""


def asks(task: Task) -> bool:
    """Whether a task has a batch script."""
    from cotspec.back.jobs.slurm import Slurm

    return any(isinstance(job, Slurm) for job in task.launch.jobs)


def jobs(root: Path, tasks: Iterable[Task]) -> tuple[Queued, ...] | None:
    """The jobs of a project that have not ended; None where no task asks for SLURM, or it is not here. Raises
    ProblemError."""
    from cotspec import slurm

    if not any(map(asks, tasks)) or not slurm.found():
        return None
    try:
        return slurm.queue(root)
    except slurm.NoClusterError:
        return None
    except slurm.SlurmError as error:
        raise ProblemError(str(error)) from error


def tell_others(jobs: Sequence[Queued]) -> None:
    """Say what else SLURM has of the project: jobs of other experiments, or of a spec as it was."""
    if jobs:
        names = ", ".join(f"{job.id} ({job.task})" for job in jobs[:_NAMED])
        more = f" and {len(jobs) - _NAMED} more" if len(jobs) > _NAMED else ""
        told = f"{len(jobs)} job{'' if len(jobs) == 1 else 's'} of the project of none of these experiments"
        print(f"note: SLURM has {told}: {names}{more}; `scancel ID` takes one back", file=sys.stderr)


class Told(NamedTuple):
    """What is to be said of the jobs of one experiment."""

    state: State | None
    """Where the whole is; None where SLURM has and had nothing of it."""
    notes: tuple[str, ...]


def told(root: Path, tasks: Mapping[str, Task], standings: Mapping[str, Standing], queued: Sequence[Queued]) -> Told:
    """One note for each task that waits, runs or failed, and for what a failure holds up. `tasks` go by what a person
    calls them, producers first."""
    by_task = {job.task: job for job in queued}
    states: set[State] = set()
    failed: dict[str, str] = {}
    notes = []
    seen: set[str] = set()
    for part, task in tasks.items():
        if standings[task.id].state == "reuse" or task.id in seen:  # parts may share one: the first names it
            continue
        seen.add(task.id)
        job = by_task.get(task.id)
        because = next((failed[read.task] for read in task.reads.values() if read.task in failed), "")
        if job is not None:
            states.add("queued" if job.waits else "running")
            notes.append(_of_job(part, job))
        elif because:
            failed[task.id] = because
            notes.append(f"not run: {part}: it needs {because}, which failed")
        elif asks(task) and standings[task.id].state != "running" and (last := _last_words(root, task.id)):
            states.add("failed")
            failed[task.id] = part
            notes.append(f"failed: {part}: {last} ({_log(task.id)})")
    state: State | None = next((each for each in ("running", "queued", "failed") if each in states), None)
    return Told(state, tuple(notes))


def _of_job(part: str, job: Queued) -> str:
    if job.waits:
        return f"queued: {part}: job {job.id} of {job.user}, {job.reason}"
    return f"running: {part}: job {job.id} of {job.user} on {job.nodes}, {job.time}"


def _log(id: str) -> str:
    from cotspec.back.jobs.slurm import LOG

    return LOG.format(id=id)


def _last_words(root: Path, id: str) -> str:
    """The last thing that a job which did not end well said; "" where there was none, or another run came after it."""
    from cotspec.files import regular

    log = root / _log(id)
    try:
        with regular.opened(log, within=(root,)) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = list(_lines(file.read().decode(errors="replace")))
        later = root / f".cotspec/logs/run-{id}.log"
        if later.exists() and later.stat().st_mtime > log.stat().st_mtime:
            return ""
    except OSError:
        return ""
    begun = max((at for at, line in enumerate(lines) if line.startswith(BEGINS)), default=-1)
    lines = lines[begun + 1 :]
    if not lines:
        return "it said nothing"
    return "" if lines[-1].startswith(_ENDED_WELL) else _by_slurm(lines) or lines[-1].removeprefix(_OURS)


def _by_slurm(lines: Sequence[str]) -> str:
    """Why SLURM ended a job, by what it wrote into its log; "" where it did not."""
    own = [line for line in lines if line.startswith(_OF_SLURM)]
    return next((why for words, why in _ENDED_BY_SLURM.items() if any(words in line for line in own)), "")


def _lines(text: str) -> Iterator[str]:
    from cotspec.files import plain

    for line in text.replace("\r", "\n").splitlines():
        if line.strip() and not line.startswith(_SAID_OF_IT):
            yield plain.sentence(line)
