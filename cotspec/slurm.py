"""SLURM, asked with its own commands: which jobs a project has in the queue, sending one, taking some back.

Nothing is remembered here: a job is known by its name, which is the task's, and by its comment, which is the project's
folder. Knows neither tasks nor DVC.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

_FIELDS: Final = "%i|%T|%r|%u|%N|%M|%j|%E|%k"
"""Of squeue. The last may hold anything: it is the comment, which any user can set."""
_AFTER: Final = re.compile(r":([0-9]+)")
"""A job that another one waits for, in what squeue says of that: `afterok:4(unfulfilled),afterok:5(unfulfilled)`."""
_MOST_SECONDS: Final = 120
_NO_CLUSTER: Final = "Could not establish a configuration source"
"""What its commands end with where there is neither a slurm.conf nor a name of a controller."""
_WAITS: Final = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"})


class SlurmError(RuntimeError):
    """A command of SLURM is not there, does not answer or refuses; the message is its own."""


class NoClusterError(SlurmError):
    """This machine has SLURM's commands and belongs to no cluster."""


class Queued(NamedTuple):
    """A job that SLURM has and that has not ended."""

    id: str
    state: str
    """In SLURM's words: `PENDING`, `RUNNING`, …"""
    reason: str
    """Why it waits, in SLURM's words."""
    user: str
    nodes: str
    """Where it runs; "" while it waits."""
    time: str
    """How long it has run."""
    task: str
    dependency: str = ""
    """What it still waits for, in SLURM's words."""

    @property
    def after(self) -> frozenset[str]:
        """The jobs that it still waits for."""
        return frozenset(_AFTER.findall(self.dependency))

    @property
    def waits(self) -> bool:
        """Whether it has not begun."""
        return self.state in _WAITS


def found() -> bool:
    """Whether SLURM's commands are on this machine."""
    return shutil.which("squeue") is not None


def queue(root: Path) -> tuple[Queued, ...]:
    """The jobs of a project that have not ended, of all users. Raises SlurmError."""
    listed = _asked("squeue", "--all", "--noheader", f"--format={_FIELDS}")
    split = (line.split("|", maxsplit=_FIELDS.count("|")) for line in listed.splitlines())
    return tuple(Queued(*fields[:-1]) for fields in split if fields[-1] == _comment(root))


def send(root: Path, script: Path, *, after: Collection[str], environment: Mapping[str, str]) -> str:
    """Send a batch script that runs in the project's folder once the jobs `after` have ended well, and never if one of
    them does not. Returns the job's id. Raises SlurmError."""
    waits = ("--dependency=afterok:" + ":".join(after), "--kill-on-invalid-dep=yes") if after else ()
    own = (f"--chdir={root}", f"--comment={_comment(root)}", "--export=ALL")
    said = _asked("sbatch", "--parsable", *own, *waits, str(script), environment=environment)
    return said.strip().partition(";")[0]  # `id;cluster` where there are several


def refusal(root: Path, script: Path) -> str:
    """Why SLURM takes no job that asks for what a batch script asks for, in its words; "" where it takes it.

    `sbatch --test-only` also refuses what waits for a machine that is down. So what it refuses is sent, without its
    commands, and taken back.
    """
    try:
        _asked("sbatch", "--test-only", f"--chdir={root}", str(script))
    except SlurmError:
        asks = [line for line in script.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
        own = ("--job-name=cotspec-asks", "--output=/dev/null", f"--chdir={root}")
        try:
            said = _asked("sbatch", "--parsable", *own, stdin="\n".join((*asks, "exit", "")))
        except SlurmError as error:
            return str(error)
        cancel([said.strip().partition(";")[0]])
    return ""


def cancel(ids: Sequence[str]) -> None:
    """Take jobs back, whether they wait or run. Raises SlurmError when one of them cannot be."""
    if ids:
        _asked("scancel", *ids)


def _comment(root: Path) -> str:
    return f"cotspec {root}"


def _asked(command: str, *arguments: str, environment: Mapping[str, str] | None = None, stdin: str = "") -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own command line
            (command, *arguments),
            env={**os.environ, **(environment or {})},
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_MOST_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise SlurmError(f"SLURM's `{command}` is not on this machine: go to one from which jobs are sent") from error
    except subprocess.TimeoutExpired as error:
        raise SlurmError(f"`{command}` did not answer within {_MOST_SECONDS} s") from error
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}"
        if _NO_CLUSTER in said:
            raise NoClusterError(f"SLURM's `{command}` finds no cluster here: go to a machine from which jobs are sent")
        raise SlurmError(f"`{command}` says: {said}")
    return done.stdout
