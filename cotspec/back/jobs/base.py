"""What every job file has in common. A job file lets a scheduler start the same launch.sh on another machine.

A back end of this kind is one class in one module: its fields are what a spec may write under its key in `resources`,
its method is what becomes of them. The classes are part of the language (cotspec.spec.resources), so a module here
knows neither specs nor plans: it is given all it needs of a task (docs/decisions/0035).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, NamedTuple

from cotspec.spec.base import Part


class Job(NamedTuple):
    """What a job file starts: one task."""

    id: str
    """Of the task: a plain word, safe in a shell and in YAML."""
    folder: str
    """The task's, relative to the project: plain words with `/` between them."""
    gpus: int
    """On each of its machines."""
    nodes: int = 1
    """Machines."""


class JobFile(Part):
    """Settings of one scheduler, and the file that each task gets for it, or each that uses a GPU.

    A text that ends outside of quotes is a plain word, by its pattern. What the docstring of a field says is the help
    for a wrong value; a field with a pattern has `examples`.
    """

    FILE: ClassVar[str]
    """Name of the file, in the task's folder."""
    EVERY_TASK: ClassVar[bool] = False
    """Whether a task without a GPU gets one, too."""

    @abstractmethod
    def text(self, job: Job) -> str:
        """The file for one task: the same for the same settings and task, whatever the machine."""

    def whole(self, job: Job) -> str:  # noqa: ARG002 - what a scheduler makes of it
        """The file for all tasks of an experiment at once, beside its report; "" where there is none."""
        return ""
