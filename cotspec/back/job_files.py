"""The job files of each task, for the schedulers that its spec asks for."""

from __future__ import annotations

from cotspec.back import places
from cotspec.ir.plan import Plan, Task
from cotspec.spec.resources import Job


def emit(plan: Plan) -> dict[str, str]:
    """Return each job file, by path."""
    return _of_tasks(plan) | _of_experiments(plan)


def _of_experiments(plan: Plan) -> dict[str, str]:
    """Those that run all tasks of an experiment on a machine with the GPUs of the task that uses most."""
    of: dict[str, list[Task]] = {}
    for task in plan.tasks:
        for name in {label.experiment for label in task.labels}:
            of.setdefault(name, []).append(task)
    files: dict[str, str] = {}
    for report in plan.reports:
        own = of.get(report.name, [])
        gpus = max((task.launch.settings.devices for task in own), default=0)
        folder = places.report_folder(report.name)
        job = Job(id=report.name, folder=folder, gpus=gpus)
        asked = {each.FILE: each for task in own for each in task.launch.jobs}
        files |= {f"{folder}/{name}": text for name, each in asked.items() if (text := each.whole(job))}
    return files


def _of_tasks(plan: Plan) -> dict[str, str]:
    return {
        f"{folder}/{asked.FILE}": asked.text(Job(task.id, folder, task.launch.settings.devices, task.launch.nodes))
        for folder, task in places.folders(plan)
        for asked in task.launch.jobs
    }
