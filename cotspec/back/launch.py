"""launch.sh of every task: the one command DVC, Slurm and a person all start it with."""

from __future__ import annotations

from typing import assert_never

from cotspec.back import places
from cotspec.back.text import render
from cotspec.ir.plan import Launcher, Plan


def emit(plan: Plan) -> dict[str, str]:
    """Return launch.sh of each task, by path."""
    return {
        f"{folder}/launch.sh": render(_template(task.launch.launcher), {"id": task.id})
        for folder, task in places.everything(plan)
    }


def _template(launcher: Launcher) -> str:
    match launcher:
        case "python":
            return "launch-python.sh.jinja"
        case "accelerate":
            return "launch-accelerate.sh.jinja"
        case _:
            assert_never(launcher)
