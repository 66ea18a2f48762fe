"""What a trained model was made of: the tasks on the way to it, and the part of the spec that they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cotspec.front.nodes import Data
from cotspec.ir.plan import Task
from cotspec.spec.payload import EndpointModel
from cotspec.views.planned import Planned

_NAMED: Final[Mapping[str, tuple[str, ...]]] = {
    "stages": ("stage",),
    "generate": ("generation", "traces"),
    "data": ("data",),
}
"""By part of a spec, what the tasks of one of its entries are called."""


def tasks(side: Planned, stage: str) -> list[Task]:
    """The task that trains a stage, its gate, and all that they read, producers first."""
    wanted = {side.tasks[part].id for part in (f"stage {stage}", f"way out of stage {stage}") if part in side.tasks}
    every = list({task.id: task for task in side.tasks.values()}.values())  # parts may share one
    for task in reversed(every):
        if task.id in wanted:
            wanted.update(read.task for read in task.reads.values() if read.task)
    return [task for task in every if task.id in wanted]


def settings(side: Planned, made: list[Task]) -> dict[str, Data]:
    """The resolved spec without what has nothing to do with these tasks."""
    whole = side.data()
    ids = {task.id for task in made}
    parts = {part for part, task in side.tasks.items() if task.id in ids}
    kept: dict[str, Data] = {name: whole[name] for name in ("cotspec", "name", "seed", "trace") if name in whole}
    for group, kinds in _NAMED.items():
        entries = whole.get(group)
        given = entries if isinstance(entries, dict) else {}
        kept[group] = {name: each for name, each in given.items() if any(f"{kind} {name}" in parts for kind in kinds)}
    models = whole["models"]
    named = set(_words([kept["stages"], kept["generate"]]))
    given = models if isinstance(models, dict) else {}
    kept["models"] = {name: _unaddressed(each) for name, each in given.items() if name in named}
    order = (*("cotspec", "name", "seed", "trace", "models"), *("data", "generate", "stages"))
    return {name: kept[name] for name in order if kept.get(name) not in (None, {})}


def _unaddressed(model: Data) -> Data:
    """A model of a spec without where its server is."""
    if not isinstance(model, dict) or not isinstance(served := model.get("endpoint"), dict):
        return model
    return {**model, "endpoint": {key: value for key, value in served.items() if key != "url"}}


def _words(value: Data) -> list[str]:
    """Every text in a value."""
    match value:
        case dict():
            return [word for each in value.values() for word in _words(each)]
        case list():
            return [word for each in value for word in _words(each)]
        case str():
            return [value]
        case _:
            return []


def record(made: list[Task]) -> Mapping[str, Any]:
    """The tasks by id, with all that decides their results. Where a server is stays out: its name says who answered,
    and the address is of no use to others."""
    return {
        task.id: {
            "task": _without_address(task.body.model_dump(mode="json", by_alias=True)),
            "kernel": dict(sorted(task.kernel.items())),
            "reads": {role: f"{read.task}/{read.file}".strip("/") for role, read in sorted(task.reads.items())},
        }
        for task in made
    }


def _without_address(part: Any) -> Any:
    """A body, or a part of it, without the urls of servers that it asks."""
    if isinstance(part, list):
        return [_without_address(each) for each in part]
    if not isinstance(part, dict):
        return part
    served = part.get("kind") == EndpointModel.model_fields["kind"].default
    return {name: _without_address(each) for name, each in part.items() if not (served and name == "url")}
