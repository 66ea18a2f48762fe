"""job.sbatch of every task that uses a GPU, when the spec has `resources.slurm`. It starts the same launch.sh."""

from __future__ import annotations

from cotspec.back import places
from cotspec.back.text import render
from cotspec.ir.plan import Plan, Task
from cotspec.spec.resources import Slurm


def emit(plan: Plan) -> dict[str, str]:
    """Return job.sbatch of each such task, by path."""
    return {
        f"{folder}/job.sbatch": render("job.sbatch.jinja", {"options": options(task, task.launch.slurm)})
        for folder, task in places.folders(plan)
        if task.launch.slurm is not None
    }


def options(task: Task, slurm: Slurm) -> tuple[tuple[str, str], ...]:
    """Options of sbatch, in a fixed order; one Slurm task, which starts its own processes."""
    settings = task.launch.settings
    gpus = settings.gpus
    optional = (("partition", slurm.partition), ("account", slurm.account), ("qos", slurm.qos))
    return (
        ("job-name", task.id),
        *((name, value) for name, value in optional if value is not None),
        ("nodes", "1"),
        ("ntasks", "1"),
        ("gres", f"gpu:{gpus}"),
        ("cpus-per-task", str(slurm.cpus_per_task)),
        ("mem", slurm.mem),
        ("time", slurm.time),
        ("output", "slurm-%j.log"),
    )
