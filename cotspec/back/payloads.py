"""payload.json (what a task computes, its DVC dependency) and run.json (how, never hashed) of every task; gpus.json
of the preflight."""

from __future__ import annotations

from collections.abc import Mapping

from cotspec.back import places
from cotspec.back.rendering import json_text
from cotspec.ir.plan import Plan, Task
from cotspec.spec.base import Part
from cotspec.spec.payload import GPUS_FILE, InputFile, Payload


def emit(plan: Plan) -> dict[str, str]:
    """Return the files of each task, by path."""
    used = gpus(plan)
    files = {f"{places.PREFLIGHT}/{GPUS_FILE}": json_text(used)} if used else {}
    for folder, task in places.everything(plan):
        files[f"{folder}/payload.json"] = text(folder, task)
        files[f"{folder}/run.json"] = json_text(_plain(task.launch.settings))
    return files


def gpus(plan: Plan) -> dict[str, int]:
    """How many GPUs each task uses that uses any, on all of its machines, by id. The preflight counts them and depends
    on them: with others it runs again, and nothing after it does."""
    used = {task.id: task.launch.nodes * task.launch.settings.devices for task in plan.tasks}
    return {id: count for id, count in used.items() if count}


def text(folder: str, task: Task) -> str:
    """payload.json of `task` in `folder`."""
    return json_text(_plain(payload(folder, task)))


def payload(folder: str, task: Task) -> Payload:
    """The payload of `task` in `folder`."""
    inputs = {
        role: InputFile(path=places.read_from(folder, read), producer=read.task) for role, read in task.reads.items()
    }
    # model_validate: checks that the body is one of the kinds the runtime knows, which the type `Body` does not say.
    return Payload.model_validate({"id": task.id, "kernel": dict(task.kernel), "inputs": inputs, "task": task.body})


def _plain(value: object) -> object:
    """As data, without fields at their neutral value: DVC compares the text of payload.json."""
    if isinstance(value, Part):
        return {name: _plain(item) for name, item in value.said().items()}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value
