"""Where things stand, relative to the project: the one place that knows the layout on disk."""

from __future__ import annotations

import posixpath
from typing import Final

from cotspec.ir.plan import Plan, Read, Task
from cotspec.spec.payload import ReportBody

ROOT_DVC: Final = "dvc.yaml"
GENERATED: Final = "generated"
STAGES: Final = f"{GENERATED}/stages"
REPORTS: Final = f"{GENERATED}/reports"
OUT: Final = "out"
ALL: Final = "all"
"""The one stage of the root dvc.yaml."""


def stage_folder(task_id: str) -> str:
    """Folder of a task."""
    return f"{STAGES}/{task_id}"


def report_folder(name: str) -> str:
    """Folder of the report of the experiment `name`."""
    return f"{REPORTS}/{name}"


def stage(task: Task) -> str:
    """The DVC stage of a task, in the dvc.yaml of its folder."""
    return "report" if isinstance(task.body, ReportBody) else task.id


def target(folder: str) -> str:
    """What `dvc repro` is given to bring the task of a folder up to date: a file with one stage."""
    return f"{folder}/dvc.yaml"


def folders(plan: Plan) -> tuple[tuple[str, Task], ...]:
    """Every task of `plan` with its folder: tasks in build order, then reports."""
    stages = tuple((stage_folder(task.id), task) for task in plan.tasks)
    return stages + tuple((report_folder(report.name), report.task) for report in plan.reports)


def read_path(read: Read) -> str:
    """What `read` names, relative to the project."""
    if not read.task:
        return read.file
    return posixpath.join(stage_folder(read.task), OUT, read.file).rstrip("/")


def read_from(folder: str, read: Read) -> str:
    """What `read` names, relative to `folder`."""
    return posixpath.relpath(read_path(read), folder)
