"""What all tasks of an experiment are made with: names and reads, prompts, and models as a task uses them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from cotspec.cot.prompting import default_prompt, teacher_prompt
from cotspec.ir import bodies, defaults, generations, launches
from cotspec.ir.experiment_source import ExperimentSource, LowerError, Where
from cotspec.ir.plan import DraftTask, Label, Launch, Read
from cotspec.spec import experiment as spec
from cotspec.spec import payload
from cotspec.spec.lock import pinned

Task = Literal["solve", "reconstruct", "complete", "rewrite"]
Reads = Mapping[str, Read]
PROBLEMS: Final = "problems.jsonl"
TRACES: Final = "traces.jsonl"
_TEACHER: Final = MappingProxyType({"model": "teacher", "gate": "teacher_gate"})
"""Inputs of a model → those of a teacher."""


class Weights(NamedTuple):
    """A model as a task uses it: its reference in the body and the inputs that go with it."""

    ref: bodies.ModelRef
    reads: Reads


class _Asked(NamedTuple):
    """A model that writes texts: as a body names it, the inputs that go with it, and how its task is started."""

    ref: bodies.AskedRef
    reads: Reads
    launch: Launch


class Tasks:
    """An experiment that is lowered."""

    def __init__(self, source: ExperimentSource, digests: Mapping[str, str]) -> None:
        self._source = source
        self._spec = source.experiment
        self._digests = digests
        self._format = bodies.trace_format(self._spec.trace)

    def _task(
        self, part: str, body: payload.Body, reads: Mapping[str, Read], *, launch: Launch, label: str
    ) -> DraftTask:
        told = Label(label, self._source.name)
        launched = launches.with_jobs(launch, self._spec.resources)
        return DraftTask(name=self._name(part), body=body, reads=reads, launch=launched, label=told)

    def _name(self, part: str) -> str:
        return f"{self._source.name}/{part}"

    def _read(self, part: str, file: str) -> Read:
        return Read(task=self._name(part), file=file)

    def _project_file(self, path: str, where: Where) -> Read:
        joined = posixpath.normpath(posixpath.join(self._source.folder, path))
        if posixpath.isabs(joined) or joined == ".." or joined.startswith("../"):
            raise LowerError(f"`{path}` is outside the project", where=where)
        return Read(task="", file=joined)

    def _prompt(self, written: str | None, task: Task, where: Where) -> str:
        if written is None:
            return default_prompt(task)
        if written not in self._source.prompts:
            raise LowerError(f"there is no prompt file `{written}`", where=where)
        return self._source.prompts[written]

    def _writers_prompt(self, name: str) -> str:
        """The prompt of a generation, or over data one that asks for the form its filter wants; the builtin models know
        the form and nothing but their own prompt."""
        given = self._spec.generate[name]
        told = given.prompt is not None or given.over not in self._spec.data
        if told or self._first(given.by).builtin is not None:
            return self._prompt(given.prompt, "solve", ("generate", name, "prompt"))
        wanted = generations.filter_of(self._spec, name)
        return teacher_prompt(self._format, at_least=wanted.at_least, at_most=wanted.at_most or 0)

    def _asked(self, name: str, where: Where) -> _Asked:
        """Who writes texts: a model, or the result of a stage."""
        model = self._spec.models.get(name)
        if model is not None and model.endpoint is not None:
            launch = launches.asking(self._spec.resources, name)
            return _Asked(bodies.endpoint(model, model.endpoint), {}, launch)
        weights = self._weights(name, where)
        return _Asked(weights.ref, weights.reads, launches.generation(self._spec.resources))

    def _weights(self, name: str, where: Where) -> Weights:
        """The model or the result of the stage called `name`."""
        if name in self._spec.models:
            return self._model(name)
        if name not in self._spec.stages:
            raise LowerError(f"there is no model or stage `{name}`", where=where)
        first = self._first(name)
        ref = payload.InputModel.model_construct(trust_remote_code=first.trust_remote_code, **bodies.chat(first))
        if not gated(self._spec.stages[name]):
            return Weights(ref=ref, reads={"model": self._read(f"stages/{name}/train", "model")})
        whole, gate = self._read(f"stages/{name}/train", ""), self._read(f"stages/{name}/gate", "gate.json")
        return Weights(ref=ref, reads={"model": whole, "gate": gate})

    def _teacher(self, name: str, train: spec.Train) -> tuple[bodies.ModelRef | payload.FirstWeights | None, Reads]:
        """Whose probabilities a stage learns, and the inputs that go with it; its own first weights are no other."""
        if not isinstance(train, spec.Taught):
            return None, {}
        if train.other is None:
            return payload.FirstWeights.model_construct(), {}
        weights = self._weights(train.other, ("stages", name, "train", "teacher"))
        return weights.ref, {_TEACHER[role]: read for role, read in weights.reads.items()}

    def _model(self, name: str) -> Weights:
        model = self._spec.models[name]
        if model.hub is not None:
            wanted = model.revision or defaults.HUB_REVISION
            revision = pinned(self._source.locked, "models", model.hub, wanted)
            trust = model.trust_remote_code
            hub = payload.HubModel.model_construct(
                id=model.hub, revision=revision, trust_remote_code=trust, **bodies.chat(model)
            )
            return Weights(ref=hub, reads={})
        if model.builtin is not None:
            if model.builtin not in self._digests:
                message = f"cotspec comes without a builtin model `{model.builtin}`"
                raise LowerError(message, where=("models", name, "builtin"))
            digest = self._digests[model.builtin]
            return Weights(
                ref=payload.BuiltinModel.model_construct(name=model.builtin, digest=digest, **bodies.chat(model)),
                reads={},
            )
        if model.path is None:
            raise LowerError(f"model `{name}` has no weights", where=("models", name))
        read = self._project_file(model.path, ("models", name, "path"))
        return Weights(
            ref=payload.InputModel.model_construct(trust_remote_code=False, **bodies.chat(model)), reads={"model": read}
        )

    def _first(self, name: str) -> spec.Model:
        """It decides on chat prompts and remote code."""
        return self._spec.models[self._spec.first_model(name)]


def gated(stage: spec.Stage) -> bool:
    """Whether something decides which weights of a stage go on."""
    return stage.advance is not None and (stage.advance.checkpoint != "final" or bool(stage.advance.require))
