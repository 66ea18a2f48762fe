"""What is lowered: an experiment with all that its text refers to, and the error of one that cannot become tasks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from cotspec.spec.experiment import Experiment
from cotspec.spec.lock import Key

Where = tuple[str | int, ...]
NOTHING: Final[Mapping[Key, str]] = MappingProxyType({})
"""What a project without a lock has locked."""


class LowerError(ValueError):
    """A spec that cannot become tasks; `where` is the path of the value in the spec."""

    def __init__(self, message: str, *, where: Where) -> None:
        super().__init__(message)
        self.where = where


class ExperimentSource(NamedTuple):
    """An experiment and what its text refers to."""

    name: str
    """Name of the experiment, unique among all that are lowered; a variant has one of its own."""
    experiment: Experiment
    folder: str
    """Folder of the spec file, relative to the project, `/` between parts; "" is the project itself."""
    prompts: Mapping[str, str]
    """Text of each prompt file, by the path as it is written in the spec."""
    locked: Mapping[Key, str] = NOTHING
    """Entries of the project's lock: a commit takes the place of the branch or tag it was locked for."""
