"""SLURM: a batch script for every task, which runs it through DVC. `cotspec submit slurm` sends them with what they
wait for; SLURM copies a script when it is sent, so this one finds its folder from the project's."""

from typing import Annotated, ClassVar, Final

from pydantic import Field

from cotspec.back.jobs.base import Job, JobFile
from cotspec.back.rendering import HEADER
from cotspec.spec.base import Count, Part

START: Final = """\
# Sent by `cotspec submit slurm`, which knows what it waits for. By hand, in the project: sbatch {folder}/{file}
set -euo pipefail
export OMP_NUM_THREADS="${{SLURM_CPUS_PER_TASK:-1}}"
exec "${{COTSPEC_PYTHON:-python}}" -P -m cotspec job {folder}
"""
LOG: Final = ".cotspec/logs/slurm-{id}.log"
"""Of a task, in the project: what all of its jobs printed."""

_Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
_Partition = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.,-]+$")]
_Time = Annotated[str, Field(pattern=r"^([0-9]+-)?[0-9]{1,2}(:[0-9]{2}){0,2}$", examples=["12:00:00", "2-00:00:00"])]
_Memory = Annotated[str, Field(pattern=r"^[0-9]+[KMGT]?$", examples=["64G"])]


class SlurmCpu(Part):
    """What tasks without a GPU get."""

    partition: _Partition | None = None
    """Partition; that of the others when left out."""
    qos: _Word | None = None
    """Quality of service; that of the others when left out."""
    time: _Time = "4:00:00"
    """Time limit, `[days-]hours:minutes:seconds`."""
    cpus_per_task: Count = 4
    """CPU cores."""
    mem: _Memory = "16G"
    """Memory: a number with `K`, `M`, `G` or `T`; megabytes without."""


class Slurm(JobFile):
    """A batch script for each task, which `cotspec submit slurm` sends. What stands here directly is for tasks that use
    a GPU."""

    FILE: ClassVar[str] = "job.sbatch"
    EVERY_TASK: ClassVar[bool] = True

    partition: _Partition | None = None
    """Partition."""
    account: _Word | None = None
    """Account."""
    qos: _Word | None = None
    """Quality of service."""
    constraint: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.,&|-]+$", examples=["h100", "h100&ib"])] | None = None
    """Features that a machine must have."""
    gpu_type: _Word | None = None
    """Kind of GPU, where the cluster tells them apart: `h100` asks for `gpu:h100:2`."""
    time: _Time = "24:00:00"
    """Time limit, `[days-]hours:minutes:seconds`."""
    cpus_per_task: Count = 8
    """CPU cores, on each machine."""
    mem: _Memory = "64G"
    """Memory, on each machine: a number with `K`, `M`, `G` or `T`; megabytes without."""
    cpu: SlurmCpu = SlurmCpu.model_construct()
    """What tasks without a GPU get."""

    def text(self, job: Job) -> str:
        """job.sbatch: options of sbatch, which reads them up to the first command, and the start of the task."""
        options = (
            f"#SBATCH --{name}{value and '='}{value}\n" for name, value in self._options(job) if value is not None
        )
        start = START.format(folder=job.folder, file=self.FILE)
        return "".join(("#!/usr/bin/env bash\n", *options, f"{HEADER}\n", start))

    def _options(self, job: Job) -> tuple[tuple[str, str | None], ...]:
        """In a fixed order; one SLURM task on each machine, which starts its own processes. None is not said."""
        own = self if job.gpus else self.cpu
        kind = f"{self.gpu_type}:" if self.gpu_type else ""
        return (
            ("job-name", job.id),
            ("partition", own.partition or self.partition),
            ("account", self.account),
            ("qos", own.qos or self.qos),
            ("constraint", self.constraint if job.gpus else None),
            ("nodes", str(job.nodes)),
            ("ntasks-per-node", "1"),
            ("gres", f"gpu:{kind}{job.gpus}" if job.gpus else None),
            ("cpus-per-task", str(own.cpus_per_task)),
            ("mem", own.mem),
            ("time", own.time),
            ("requeue", ""),
            ("open-mode", "append"),
            ("output", LOG.format(id=job.id)),
        )
