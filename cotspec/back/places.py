"""Where things stand, relative to the project: the one place that knows the layout on disk."""

from __future__ import annotations

import posixpath
from typing import Final

from cotspec.ir.plan import Plan, Read, Task
from cotspec.ir.preflight import preflight
from cotspec.spec import artifact_names
from cotspec.spec.artifact_names import report_folder as report_folder
from cotspec.spec.payload import PASSED_FILE, DataBody, PreflightBody, ReportBody

ROOT_DVC: Final = "dvc.yaml"
GENERATED: Final = artifact_names.GENERATED
STAGES: Final = f"{GENERATED}/stages"
PREFLIGHT: Final = f"{GENERATED}/preflight"
STAGE_OF_PREFLIGHT: Final = "preflight"
OUT: Final = "out"
TABLES: Final = f"{GENERATED}/tables.sh"
"""Prints the tables of all reports."""
ALL: Final = "all"
"""The one stage of the root dvc.yaml."""


def stage_folder(task_id: str) -> str:
    """Folder of a task."""
    return f"{STAGES}/{task_id}"


def stage(task: Task) -> str:
    """The DVC stage of a task, in the dvc.yaml of its folder."""
    match task.body:
        case ReportBody():
            return "report"
        case PreflightBody():
            return STAGE_OF_PREFLIGHT
        case _:
            return task.id


def target(folder: str) -> str:
    """What `dvc repro` is given to bring the task of a folder up to date: a file with one stage."""
    return f"{folder}/dvc.yaml"


def folders(plan: Plan) -> tuple[tuple[str, Task], ...]:
    """Every task of `plan` with its folder: tasks in build order, then reports."""
    stages = tuple((stage_folder(task.id), task) for task in plan.tasks)
    return stages + tuple((report_folder(report.name), report.task) for report in plan.reports)


def everything(plan: Plan) -> tuple[tuple[str, Task], ...]:
    """The same, after the preflight that they all wait for."""
    return ((PREFLIGHT, preflight(plan.tasks)), *folders(plan))


def awaited(folder: str, task: Task) -> tuple[str, ...]:
    """What a task waits for without reading it, relative to its folder: the tasks that every chain begins with wait for
    the preflight."""
    return (posixpath.relpath(f"{PREFLIGHT}/{OUT}/{PASSED_FILE}", folder),) if isinstance(task.body, DataBody) else ()


def read_path(read: Read) -> str:
    """What `read` names, relative to the project."""
    if not read.task:
        return read.file
    return posixpath.join(stage_folder(read.task), OUT, read.file).rstrip("/")


def read_from(folder: str, read: Read) -> str:
    """What `read` names, relative to `folder`."""
    return posixpath.relpath(read_path(read), folder)
