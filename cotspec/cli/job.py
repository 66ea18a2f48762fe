"""`cotspec job FOLDER`: what a job of SLURM runs, the task of one folder through DVC, which records its result.

Jobs of one project run on several machines at once, and DVC tells processes by their number alone. That harms nobody,
because a job starts when all it reads is made, and SLURM has each task once; only what a killed run of the same task
left would be in its way.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import NoReturn

from cotspec.cli import project, queue, ready
from cotspec.cli.errors import ProblemError
from cotspec.files import plain
from cotspec.spec.artifact_names import PAYLOAD


def run(folder: str) -> NoReturn:
    """Become DVC, so that SLURM's signals are DVC's. Raises ProblemError."""
    from cotspec import recovery
    from cotspec.back import places

    host, again = platform.node(), os.environ.get("SLURM_RESTART_COUNT", "")
    print(queue.BEGINS, os.environ.get("SLURM_JOB_ID", "by hand"), f"on {host}{again and ', once more'}", flush=True)
    root = project.find_root(Path.cwd())
    target = places.target(folder)
    if not (root / target).is_file():
        raise ProblemError(f"{folder} is not built any more; `cotspec submit slurm` sends what is")
    _refuse_another(root, folder)
    try:
        for each in recovery.mend_task(root, folder):
            print(f"mended: {each}", flush=True)
    except OSError as error:
        raise ProblemError(f"what stops DVC cannot be mended: {error.filename or ''} {error.strerror}") from error
    command = ready.dvc(target, "-s")
    os.chdir(root)
    os.execve(command[0], command, ready.environment(jobs=1))  # noqa: S606 - our own command line


def _refuse_another(root: Path, folder: str) -> None:
    """A report keeps its folder when its spec changes: what was sent before that must not make what is sent after it.
    Raises ProblemError."""
    sent, built = os.environ.get("SLURM_JOB_NAME"), plain.json_object(root / folder / PAYLOAD).get("id")
    if sent and built and sent != built:
        raise ProblemError(f"{sent} is not what is built in {folder} any more, which is {built}")
