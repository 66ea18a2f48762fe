"""The DVC pipeline: one dvc.yaml per task, and a root dvc.yaml whose one stage needs the report of each experiment.

A file per task because DVC rewrites the lock file of a dvc.yaml after each of its stages, and so that two branches that
add variants do not change the lock of one task. `cmd` is one constant string: DVC reruns a stage when it changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cotspec.back import payloads, places, tracked
from cotspec.back.rendering import render
from cotspec.ir.plan import Plan, Task
from cotspec.ir.preflight import preflight
from cotspec.spec.payload import GPUS_FILE, TABLE_FILE

MOST_NAMES: Final = 25
"""Experiments that a task's description names; the plan knows them all."""

MOST_TABLES: Final = 6
"""Experiments whose tables a run ends with; more are compared in one."""


def emit(plan: Plan) -> dict[str, str]:
    """Return the dvc.yaml files and the ignore patterns, by path."""
    told = tracked.tracked(plan)
    files = {places.target(folder): _stage(folder, task, told.get(task.id)) for folder, task in places.folders(plan)}
    counted = [GPUS_FILE] if payloads.gpus(plan) else []
    files[places.target(places.PREFLIGHT)] = _stage(places.PREFLIGHT, preflight(plan.tasks), None, counted)
    files[places.ROOT_DVC] = root(plan)
    files[places.TABLES] = _tables(plan)
    files[f"{places.GENERATED}/.gitignore"] = render("generated.gitignore.jinja", {})
    return files


def root(plan: Plan) -> str:
    """The root dvc.yaml: what a plain `dvc repro` brings up to date."""
    deps = [f"{places.report_folder(report.name)}/{places.OUT}" for report in plan.reports]
    return render("root.dvc.yaml.jinja", {"stage": places.ALL, "shows": places.TABLES, "deps": deps})


def _tables(plan: Plan) -> str:
    """What the stage of the root runs: it prints what came out, below what DVC has to say of single tasks."""
    files = [f"{places.report_folder(report.name)}/{places.OUT}/{TABLE_FILE}" for report in plan.reports]
    return render("tables.sh.jinja", {"files": files if len(files) <= MOST_TABLES else [], "count": len(files)})


def _stage(folder: str, task: Task, told: tracked.Tracked | None, more: Sequence[str] = ()) -> str:
    """Its dvc.yaml; `more` are files in the folder that it depends on, too."""
    reads = [places.read_from(folder, read) for read in task.reads.values()]
    values = {
        "stage": places.stage(task),
        "desc": _who(task),
        "deps": _unique(["payload.json", *more, *reads, *places.awaited(folder, task)]),
    }
    return render("stage.dvc.yaml.jinja", values | {"told": told})


def _unique(paths: list[str]) -> list[str]:
    """Two roles may read one file (DVC refuses a dependency given twice)."""
    return list(dict.fromkeys(paths))


def _who(task: Task) -> str:
    """What the task is and who needs it."""
    by_part: dict[str, list[str]] = {}
    for label in task.labels:
        by_part.setdefault(label.part, []).append(label.experiment)
    return "; ".join(f"{part} of {_some(names)}" for part, names in by_part.items())


def _some(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
