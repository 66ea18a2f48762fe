"""Sending the log of training to a tracker, through transformers' own callbacks: what they are told, where they write.

Everything stays on this machine unless the environment says otherwise, and no result depends on it.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cotspec.runtime.errors import TaskError
from cotspec.runtime.task import Task, rank


def require(tracker: str) -> None:
    """Raises TaskError when its library is not installed: each has the name of its tracker."""
    if find_spec(tracker) is None:
        raise TaskError(
            f"`track: {tracker}` needs {tracker}: pip install {tracker}, or leave `track` out of `resources`"
        )


def arguments(task: Task) -> dict[str, Any]:
    """Keyword arguments of TrainingArguments. Named one by one: "all" would switch on dvclive, which writes into the
    pipeline. Raises TaskError when the tracker is not there."""
    settings = task.settings
    if not settings.track:
        return {"report_to": []}
    require(settings.track)
    folder = task.root / ".cotspec" / "track" / settings.track
    folder.mkdir(parents=True, exist_ok=True)
    if rank() == 0:
        for name, value in _environment(folder, task).items():
            os.environ.setdefault(name, value)
    return {
        "report_to": [settings.track],
        "run_name": task.payload.id,
        "project": settings.track_project,
        "trackio_space_id": os.environ.get("TRACKIO_SPACE_ID"),
        "trackio_static_space_id": False,  # by default a copy goes to the hub when training ends
    }


def _environment(folder: Path, task: Task) -> dict[str, str]:
    """What the callbacks and their libraries read; a variable that is set already stays."""
    project = task.settings.track_project
    return {
        "TENSORBOARD_LOGGING_DIR": str(folder / task.payload.id),
        "TRACKIO_DIR": str(folder),
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(folder),
        "WANDB_PROJECT": project,
        "WANDB_SILENT": "true",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "MLFLOW_EXPERIMENT_NAME": project,
    }
