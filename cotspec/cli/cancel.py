"""`cotspec cancel [SPEC[@VARIANT]…]`: take the jobs of experiments back from SLURM, or all of the project."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.cli import project, queue, ready
from cotspec.cli.errors import ProblemError

if TYPE_CHECKING:
    from cotspec.slurm import Queued


def run(texts: Sequence[str]) -> int:
    """Return the exit code: 1 after findings. Raises ProblemError."""
    from cotspec import slurm

    # Without a name, also what an earlier build sent and this one does not know.
    asked = ready.asked(texts, built=False) if texts else None
    if texts and asked is None:
        return 1
    root = project.find_root(Path.cwd())
    try:
        jobs = slurm.queue(root)
        own = [job for job in jobs if asked is None or job.task in asked.tasks]
        shared = _needed([job for job in jobs if job not in own], jobs)
        taken = [job for job in own if job.id not in shared]
        slurm.cancel([job.id for job in taken])
    except slurm.SlurmError as error:
        raise ProblemError(str(error)) from error
    for job in own:
        kept = " stays, since other experiments wait for it" if job.id in shared else f", {job.state.lower()}"
        print(f"job {job.id}: {job.task}{kept}")
    told = "; what ran goes on from its last checkpoint when it is sent again" if taken else ""
    print(f"{len(taken)} job{'' if len(taken) == 1 else 's'} cancelled{told}")
    queue.tell_others([job for job in jobs if job not in own])
    return 0


def _needed(others: Collection[Queued], jobs: Collection[Queued]) -> set[str]:
    """The ids of all jobs that some wait for, by way of others too."""
    after = {job.id: job.after for job in jobs}
    found: set[str] = set()
    ids = {id for job in others for id in job.after}
    while ids:
        found |= ids
        ids = {each for id in ids for each in after.get(id, ())} - found
    return found
