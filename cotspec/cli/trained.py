"""The model of a stage of `SPEC[@VARIANT]`, for the commands that use one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.cli.errors import ProblemError

if TYPE_CHECKING:
    from cotspec.history.trained import Trained
    from cotspec.views.planned import Planned


def stage_of(side: Planned, name: str) -> str:
    """The stage that is named, or the last one for "". Raises ProblemError."""
    from cotspec.diagnostics.suggest import did_you_mean, near

    stages, models = tuple(side.loaded.experiment.stages), side.loaded.experiment.models
    if not name:
        return stages[-1]
    if name in models:
        raise ProblemError(f"`{name}` is a model that `{side.name}` begins with, and no stage trains it")
    if name not in stages:
        raise ProblemError(f"`{side.name}` has no stage `{name}`: {did_you_mean(near(name, stages), stages)}")
    return name


def model_of(root: Path, side: Planned, stage: str) -> Trained:
    """The model of a stage, whole in its folder. Raises ProblemError."""
    from cotspec.history.trained import UntrainedError, missing

    try:
        trained = recorded(root, side, stage)
        if wrong := missing(root, trained):
            raise UntrainedError(wrong)
    except UntrainedError as error:
        raise ProblemError(f"stage `{stage}` of {side.name}: {error}") from error
    return trained


def recorded(root: Path, side: Planned, stage: str) -> Trained:
    """The model of a stage as DVC recorded it, wherever its files are. Raises UntrainedError."""
    from cotspec.history.results import standings
    from cotspec.history.trained import trained

    task, gate = side.tasks[f"stage {stage}"], side.tasks.get(f"way out of stage {stage}")
    return trained(root, task, gate, standings(root, side.sealed.plan))
