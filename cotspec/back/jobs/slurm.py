"""SLURM: a batch script, to be submitted from the task's folder."""

from typing import Annotated, ClassVar, Final

from pydantic import Field

from cotspec.back.jobs.base import Job, JobFile
from cotspec.back.text import HEADER
from cotspec.spec.base import Count

START: Final = """\
# Submit from this folder: sbatch job.sbatch
set -euo pipefail
cd -- "${SLURM_SUBMIT_DIR:-.}"
exec bash launch.sh
"""


class Slurm(JobFile):
    """A batch script for each task that uses a GPU."""

    FILE: ClassVar[str] = "job.sbatch"
    LEAVES: ClassVar[tuple[str, ...]] = ("slurm-*.log",)

    partition: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.,-]+$")] | None = None
    """Partition."""
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] | None = None
    """Account."""
    qos: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] | None = None
    """Quality of service."""
    time: Annotated[
        str, Field(pattern=r"^([0-9]+-)?[0-9]{1,2}(:[0-9]{2}){0,2}$", examples=["12:00:00", "2-00:00:00"])
    ] = "24:00:00"
    """Time limit, `[days-]hours:minutes:seconds`."""
    cpus_per_task: Count = 8
    """CPU cores."""
    mem: Annotated[str, Field(pattern=r"^[0-9]+[KMGT]?$", examples=["64G"])] = "64G"
    """Memory: a number with `K`, `M`, `G` or `T`; megabytes without."""

    def text(self, job: Job) -> str:
        """job.sbatch: options of sbatch, which reads them up to the first command, and the start of launch.sh."""
        options = (f"#SBATCH --{name}={value}\n" for name, value in self._options(job))
        return "".join(("#!/usr/bin/env bash\n", *options, f"{HEADER}\n", START))

    def _options(self, job: Job) -> tuple[tuple[str, str], ...]:
        """In a fixed order; one SLURM task, which starts its own processes."""
        optional = (("partition", self.partition), ("account", self.account), ("qos", self.qos))
        return (
            ("job-name", job.id),
            *((name, value) for name, value in optional if value is not None),
            ("nodes", "1"),
            ("ntasks", "1"),
            ("gres", f"gpu:{job.gpus}"),
            ("cpus-per-task", str(self.cpus_per_task)),
            ("mem", self.mem),
            ("time", self.time),
            ("output", "slurm-%j.log"),
        )
