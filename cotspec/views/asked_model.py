"""How a model or stage of an experiment is asked a question: as its evaluation does, else as it writes texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cotspec.ir.plan import Task
from cotspec.spec.payload import AskedRef, EvaluateBody, InputModel, RewardedBody, RunSettings, TeachBody, TrainBody
from cotspec.views.planned import Planned


class NotAskedError(ValueError):
    """Nothing in the experiment says how to ask it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A model with the prompt and the sampling that it is asked with."""

    name: str
    stage: bool
    """Whether it is what a stage has trained."""
    body: EvaluateBody
    settings: RunSettings
    told: str
    """In the manner of which task it is asked, for people."""
    file: str = ""
    """The folder of a model that lies in the project."""

    def reward(self, side: Planned, name: str) -> RewardedBody | None:
        """The stage whose reward an answer to it is given: the one that is named, else its own, where that has one."""
        task = side.tasks.get(f"stage {name or self.name}")
        return task.body if task is not None and isinstance(task.body, RewardedBody) else None


def asked(side: Planned, name: str) -> Asked:
    """How `name`, a model or a stage, is asked. Raises NotAskedError."""
    evaluations = {part: task for part, task in side.tasks.items() if isinstance(task.body, EvaluateBody)}
    part_name = f"evaluation of {name}"
    own_evaluation = next((task for part, task in evaluations.items() if part.split(" on ")[0] == part_name), None)
    stage = name in side.loaded.experiment.stages
    if own_evaluation is not None and isinstance(own_evaluation.body, EvaluateBody):
        return _asked(name, stage, own_evaluation.body, own_evaluation, f"as on {_set(side, own_evaluation)}")
    usual = next(iter(evaluations.values()))
    if not isinstance(usual.body, EvaluateBody):
        raise TypeError(usual.body.kind)
    writes = _writes(side, name)
    if writes is not None and isinstance(writes.body, TeachBody):
        given = writes.body
        body = usual.body.model_copy(
            update={"model": given.model, "prompt": given.prompt, "sampling": given.sampling, "seed": given.seed}
        )
        return _asked(name, stage, body, writes, f"as for the texts of {side.part_of[writes.id].partition(' ')[2]}")
    body = usual.body.model_copy(update={"model": _ref(side, name, stage=stage)})
    return _asked(name, stage, body, _trains(side, name, stage=stage), f"as others are on {_set(side, usual)}")


def _asked(name: str, stage: bool, body: EvaluateBody, task: Task, told: str) -> Asked:
    read = task.reads.get("model")
    file = read.file if read is not None and not read.task else ""
    return Asked(name=name, stage=stage, body=body, settings=task.launch.settings, told=told, file=file)


def _set(side: Planned, task: Task) -> str:
    name = side.part_of[task.id].partition(" on ")[2]
    return f"the set {name}" if name else "the evaluation"


def _writes(side: Planned, name: str) -> Task | None:
    """A task in which it answers questions of data."""
    texts = (text for text, each in side.loaded.experiment.generate.items() if each.by == name)
    tasks = (side.tasks.get(f"generation {text}") for text in texts)
    return next((task for task in tasks if task is not None and isinstance(task.body, TeachBody)), None)


def _trains(side: Planned, name: str, *, stage: bool) -> Task:
    """The task that trains a stage, or that begins with a model."""
    stages = side.loaded.experiment.stages
    used = [name] if stage else [each for each, given in stages.items() if given.start == name]
    for each in used:
        return side.tasks[f"stage {each}"]
    raise NotAskedError(
        f"`{name}` is neither evaluated nor trained and writes no texts over data: nothing says how to ask it"
    )


def _ref(side: Planned, name: str, *, stage: bool) -> AskedRef:
    body = _trains(side, name, stage=stage).body
    if not isinstance(body, TrainBody):
        raise TypeError(body.kind)
    if not stage:
        return body.start
    told: dict[str, Any] = {key: getattr(body.start, key) for key in ("chat", "system", "template")}
    return InputModel.model_construct(**told, trust_remote_code=getattr(body.start, "trust_remote_code", False))
