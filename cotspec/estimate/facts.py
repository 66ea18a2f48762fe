"""What an estimate may ask about a project: what earlier runs left, and the configurations of models. Knows no files.

Everything may be missing; then the answer is None and the estimate says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from cotspec.estimate.model_size import Model
from cotspec.ir.plan import Read, Task
from cotspec.spec.payload import BuiltinModel, HubModel, RowsBody


class Lines(NamedTuple):
    """A JSON-lines file in numbers."""

    file: str
    """What a person knows it by: `rows.jsonl of rows-complete-3c1f60ccb48a`."""
    total: int
    """Number of all lines."""
    looked: int
    """The lines that the means are of, the first ones."""
    chars: Mapping[str, float]
    """Mean length of each text, in characters; of a list of texts, of one of them."""
    longest: Mapping[str, float]
    """Length of the longest text by field, in characters."""
    means: Mapping[str, float]
    """Mean of each numeric field."""
    largest: Mapping[str, float]
    """Largest value of each numeric field."""


class Selected(NamedTuple):
    """What a condition leaves of texts that are there."""

    share: float
    """Share of the texts that meet the condition."""
    length: float
    """Mean length of those texts, as a multiple of that of all; 1 where none meets it."""


class Facts(Protocol):
    """A project as estimates see it. Answers are kept: a file is read once."""

    @property
    def gpu(self) -> str:
        """The device of tasks that use a GPU, a name of `hardware.DEVICES`."""

    @property
    def cores(self) -> int:
        """Cores that a task on the CPU uses."""

    def lines(self, read: Read) -> Lines | None:
        """The JSON-lines file `read` names, where it is there."""

    def given(self, task: Task) -> Lines | None:
        """What the task of a data set will hand on, where a file of the project tells: `question` and `trace`."""

    def selected(self, task: Task, rows: RowsBody) -> Selected | None:
        """What `rows` takes by its condition of the records of a task, where they are there."""

    def model(self, ref: BuiltinModel | HubModel | Read) -> Model | None:
        """The configuration of a model that no task of a plan makes; a Read names a folder of the project."""

    def seconds(self, task: Task) -> float | None:
        """How long the last run of a task took."""

    def memory(self, task: Task) -> float | None:
        """The most bytes that the last run of a task held."""
