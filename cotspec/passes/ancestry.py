"""Which models and stages a stage uses and descends from. A cycle of stages, which a rule refuses, ends the walk."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics.source_map import Path
from cotspec.spec.experiment import Experiment, Stage


def used(stage: Stage) -> Iterator[tuple[Path, str]]:
    """The models and stages that a stage names, and where under it."""
    yield ("start",), stage.start
    if stage.train.other is not None:
        yield ("train", "teacher"), stage.train.other
    yield from ((("judges", name, "by"), judge.by) for name, judge in stage.judges.items())


def ancestors(spec: Experiment, stage: str) -> Iterator[str]:
    """What a stage starts from, what that starts from, …, at last a model."""
    name, seen = stage, {stage}
    while name in spec.stages:
        name = spec.stages[name].start
        if name in seen:
            return
        seen.add(name)
        yield name


def first_model(spec: Experiment, name: str) -> str:
    """The model that a stage (or a model itself) begins with."""
    return (name, *ancestors(spec, name))[-1]
