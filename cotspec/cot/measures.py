"""What a reward, a gate or an evaluation may ask about one response. Knows nothing of weights, models or tokenizers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cotspec.cot.segment import Trace
    from cotspec.spec.payload import TraceFormat

MEASURES: Mapping[str, type] = MappingProxyType(
    {
        "correct": bool,
        "formatted": bool,
        "steps": int,
        "words": int,
        "tokens": int,
        "teacher_steps": int,
        "teacher_words": int,
        "teacher_tokens": int,
    }
)
"""Names a reward expression may use, and their types."""


class Teacher(NamedTuple):
    """Size of the teacher's trace for the same question."""

    steps: int
    words: int
    tokens: int


def words(text: str) -> int:
    """Number of whitespace-separated words, the unit of BRIDGE's rewards (arXiv 2602.17686)."""
    return len(text.split())


def formatted(trace: Trace) -> bool:
    """At least one step line and an answer given with its opener (on the last step's line too)."""
    answer = trace.answer
    return bool(trace.steps) and answer is not None and answer.opened and answer.body_end > answer.body_start


def measure(
    response: str, *, tokens: int, gold: str, teacher: Teacher, fmt: TraceFormat
) -> dict[str, bool | int | float]:
    """All MEASURES of one response. `tokens` is its length as generated; `gold` the gold answer."""
    from cotspec.cot.segment import segment  # here: who checks an expression needs the names alone

    trace = segment(response, fmt)
    return {"correct": correct(trace, gold), **size(trace, tokens=tokens, teacher=teacher)}


def correct(trace: Trace, gold: str) -> bool:
    """Whether the answer of a segmented response equals the gold answer. Raises answers.AnswerError."""
    from cotspec.cot.answers import answer_of, equal  # here, as above

    given = answer_of(trace)
    return given is not None and equal(given, gold)


def size(trace: Trace, *, tokens: int, teacher: Teacher) -> dict[str, bool | int | float]:
    """All MEASURES but whether the answer is right."""
    return {
        "formatted": formatted(trace),
        "steps": len(trace.steps),
        "words": words(trace.text),
        "tokens": tokens,
        "teacher_steps": teacher.steps,
        "teacher_words": teacher.words,
        "teacher_tokens": teacher.tokens,
    }
