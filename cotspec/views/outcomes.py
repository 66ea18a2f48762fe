"""What an experiment has come to, as plain values. Knows metrics as an evaluation writes them; not where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal[
    "done", "running", "queued", "failed", "interrupted", "failed gate", "unfinished merge", "part", "never"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """The figures of one evaluation."""

    n: int
    accuracy: float
    low: float
    high: float
    tokens: float
    formatted: float
    truncated: float
    """Share of the answers that were cut at the limit."""
    right: Mapping[int, float]
    """By problem, the share of its answers that are right."""
    samples: int = 1
    """Answers to each problem; accuracy is then their mean, avg@n."""
    passed: tuple[float, float, float] | None = None
    """pass@n with its interval, where there are several."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure of a task of lm-eval."""

    suite: str
    task: str
    name: str
    """As lm-eval calls it, with its filter."""
    model: str
    """Which model of the experiment: the last that the suite measures."""
    n: int
    """Number of questions."""
    value: float
    error: float | None
    """Its standard error, where lm-eval gives one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One set of the evaluation of one experiment."""

    name: str
    variant: str
    """"" is the spec itself, the base of its variants."""
    base: str
    """Name of the experiment it is compared with."""
    state: State
    done: int
    total: int
    """Number of tasks."""
    seed: int
    alike: str
    """Equal for experiments that differ in their seed alone."""
    set: str = ""
    """Which set of its evaluation; "" where there is one."""
    model: str = ""
    """Which of its models is measured: the last that answers the set."""
    task: str = ""
    """Id of that evaluation."""
    student: Measured | None = None
    """The same of the model that it was trained from; None where that is not evaluated."""
    last: Measured | None = None
    family: str = ""
    """The entry under `variants` that makes it."""
    axes: tuple[tuple[str, str], ...] = ()
    """Of a member of a matrix, each of its settings with the value."""
    limit: str = ""
    """What to do where answers were cut at the limit of the set."""
    notes: tuple[str, ...] = ()
    """What its finished stages say of themselves, each with the stage's name."""
    figures: tuple[Figure, ...] = ()
    """What suites have measured of it: of the experiment, with its first set."""
