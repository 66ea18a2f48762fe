"""What a measure is, and what is measured: the types of `cotspec.cot.measures`. Knows no measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cotspec.cot.grading_rules import Grade
    from cotspec.cot.segment import Trace

Value = bool | int | float


class Teacher(NamedTuple):
    """Size of the teacher's trace for the same question."""

    steps: int
    words: int
    tokens: int


class Response(NamedTuple):
    """What is measured. `tokens` is the length as generated, with the end of the sequence."""

    trace: Trace
    tokens: int
    right: bool
    """Whether its answer equals the gold answer; one that cannot be compared does not."""
    teacher: Teacher
    rights: frozenset[str] = frozenset()
    """The graded segments of its form whose answer does."""


class Peer(NamedTuple):
    """What a group knows of each of its completions."""

    right: bool
    words: int
    tokens: int
    answer: int | None = None
    """Which of the group's answers it gives (`cotspec.cot.voting`), where somebody asks; None for none."""


class Measured(NamedTuple):
    """The measures of one response by itself, and how its answer was graded."""

    values: dict[str, Value]
    grade: Grade


class Measure(NamedTuple):
    """What a measure is, what values it takes, and how it is computed."""

    kind: type
    about: str
    """What it is, in a few words."""
    compute: Callable[[Response], Value] | None = None
    """How it is computed from one response …"""
    among: Callable[[Peer, Sequence[Peer]], Value | None] | None = None
    """… or from a completion and all completions of its prompt, itself among them; None where it has no value."""
    typical: tuple[int, ...] = ()
    """Values of a number as they are common, rising; those of one row belong together in measures of the prompt."""
    least: int = 0
    at_most: str = ""
    """The measure it never exceeds; tokens are limited by `max_new_tokens`."""
    needs: str = ""
    """The measure that is at least 1 wherever this condition is true."""
    of_prompt: bool = False
    """Whether it has one value for all responses to a question, or for all completions of a group."""
    given: str = ""
    """The measure without which (false, or 0) it has no value."""


def words(text: str) -> int:
    """Number of whitespace-separated words, the unit of BRIDGE's rewards (arXiv 2602.17686)."""
    return len(text.split())
