"""`cotspec cancel [SPEC[@VARIANT]…]`: take the jobs of experiments back from SLURM, or all of the project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cotspec.cli import project, ready
from cotspec.cli.errors import ProblemError


def run(texts: Sequence[str]) -> int:
    """Return the exit code: 1 after findings. Raises ProblemError."""
    from cotspec import slurm

    # Without a name, also what an earlier build sent and this one does not know.
    asked = ready.asked(texts) if texts else None
    if texts and asked is None:
        return 1
    root = project.find_root(Path.cwd())
    try:
        jobs = [job for job in slurm.queue(root) if asked is None or job.task in asked.tasks]
        slurm.cancel([job.id for job in jobs])
    except slurm.SlurmError as error:
        raise ProblemError(str(error)) from error
    for job in jobs:
        print(f"job {job.id}: {job.task}, {job.state.lower()}")
    told = "; what ran goes on from its last checkpoint when it is sent again" if jobs else ""
    print(f"{len(jobs)} job{'' if len(jobs) == 1 else 's'} cancelled{told}")
    return 0
