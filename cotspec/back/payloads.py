"""payload.json (what a task computes, its DVC dependency) and run.json (how, never hashed) of every task."""

from __future__ import annotations

from collections.abc import Mapping

from cotspec.back import places
from cotspec.back.rendering import json_text
from cotspec.ir.plan import Launch, Plan, Task
from cotspec.spec.base import Part
from cotspec.spec.payload import InputFile, Payload, RunSettings


def emit(plan: Plan) -> dict[str, str]:
    """Return both files of each task, by path."""
    files = {}
    for folder, task in places.everything(plan):
        files[f"{folder}/payload.json"] = text(folder, task)
        files[f"{folder}/run.json"] = json_text(_plain(_settings(task.launch)))
    return files


def _settings(launch: Launch) -> RunSettings:
    away = bool(launch.jobs) and launch.settings.gpus > 0
    return launch.settings.model_copy(update={"away": away})


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
