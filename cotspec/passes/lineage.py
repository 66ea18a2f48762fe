"""Which model and stages a stage descends from. A cycle of stages, which a rule refuses, ends the walk."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.spec.experiment import Experiment


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
