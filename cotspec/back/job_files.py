"""The job files of each task, for the schedulers that its spec asks for."""

from __future__ import annotations

from cotspec.back import places
from cotspec.ir.plan import Plan
from cotspec.spec.resources import Job


def emit(plan: Plan) -> dict[str, str]:
    """Return each job file, by path."""
    return {
        f"{folder}/{asked.FILE}": asked.text(Job(task.id, folder, task.launch.settings.gpus, task.launch.nodes))
        for folder, task in places.folders(plan)
        for asked in task.launch.jobs
    }
