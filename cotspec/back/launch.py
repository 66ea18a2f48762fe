"""launch.sh of every task: the one command DVC, Slurm and a person all start it with."""

from __future__ import annotations

from typing import assert_never

from cotspec.back import places
from cotspec.back.rendering import render
from cotspec.ir.plan import Launch, Plan, Task


def emit(plan: Plan) -> dict[str, str]:
    """Return launch.sh of each task, by path."""
    return {
        f"{folder}/launch.sh": render(_template(task.launch), _values(task)) for folder, task in places.everything(plan)
    }


def _values(task: Task) -> dict[str, object]:
    return {"id": task.id, "nodes": task.launch.nodes, "server": task.launch.settings.vllm_elsewhere}


def _template(launch: Launch) -> str:
    match launch.launcher:
        case "python":
            return "launch-python.sh.jinja"
        case "accelerate" if launch.nodes > 1:
            return "launch-nodes.sh.jinja"
        case "accelerate":
            return "launch-accelerate.sh.jinja"
        case _:
            assert_never(launch.launcher)
