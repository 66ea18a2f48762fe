"""What a reward, a gate or an evaluation may ask about one response: one table, and nobody else lists measures.

Knows nothing of weights, models or tokenizers. A row of TABLE says how a measure is computed and what values it has, so
that rules can try rewards on responses nobody has written yet (`cotspec.cot.trial`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cotspec.cot.judging import Grade
    from cotspec.cot.segment import Trace
    from cotspec.spec.payload import TraceFormat

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


class Peer(NamedTuple):
    """What a group knows of each of its completions."""

    right: bool
    words: int
    tokens: int


class Measured(NamedTuple):
    """The measures of one response by itself, and how its answer was graded."""

    values: dict[str, Value]
    grade: Grade


class Measure(NamedTuple):
    """A measure describes itself."""

    kind: type
    about: str
    """What it is, in a few words."""
    compute: Callable[[Response], Value] | None = None
    """Of one response …"""
    among: Callable[[Peer, Sequence[Peer]], Value | None] | None = None
    """… or of a completion and all completions of its prompt, itself among them; None where it has no value."""
    typical: tuple[int, ...] = ()
    """Values of a number as they are common, rising; those of one row belong together in measures of the prompt."""
    least: int = 0
    at_most: str = ""
    """The measure it never exceeds; tokens are limited by `max_new_tokens`."""
    needs: str = ""
    """The measure that is at least 1 wherever this condition is true."""
    of_prompt: bool = False
    """The same for all responses to one question, or for all completions of a group."""
    given: str = ""
    """The measure without which (false, or 0) it has no value."""


def words(text: str) -> int:
    """Number of whitespace-separated words, the unit of BRIDGE's rewards (arXiv 2602.17686)."""
    return len(text.split())


def formatted(trace: Trace) -> bool:
    """At least one step line and an answer given with its opener (on the last step's line too)."""
    answer = trace.answer
    return bool(trace.steps) and answer is not None and answer.opened and answer.body_end > answer.body_start


def _mean(values: Sequence[int]) -> float | None:
    return fmean(values) if values else None


def _right_words(group: Sequence[Peer]) -> list[int]:
    return [one.words for one in group if one.right]


def rank(own: Peer, group: Sequence[Peer]) -> int | None:
    """1 for the shortest right completion of a group; as long ones share a place. None for one that is not right."""
    return 1 + sum(words < own.words for words in _right_words(group)) if own.right else None


TABLE: Mapping[str, Measure] = MappingProxyType(
    {
        "correct": Measure(bool, "the answer equals the gold answer", lambda it: it.right, needs="words"),
        "formatted": Measure(
            bool, "a step line, and an answer after its opener", lambda it: formatted(it.trace), needs="steps"
        ),
        "steps": Measure(
            int, "step lines", lambda it: len(it.trace.steps), typical=(0, 1, 2, 4, 8, 12), at_most="words"
        ),
        "words": Measure(
            int,
            "words between blanks",
            lambda it: words(it.trace.text),
            typical=(10, 30, 60, 100, 150, 200, 300, 500, 800),
            at_most="tokens",
        ),
        "tokens": Measure(
            int,
            "tokens as generated, with the end of the sequence",
            lambda it: it.tokens,
            typical=(15, 40, 80, 130, 200, 270, 400, 670, 1060),
            least=1,
        ),
        "teacher_steps": Measure(
            int,
            "step lines of the teacher's trace",
            lambda it: it.teacher.steps,
            typical=(1, 2, 4, 8),
            at_most="teacher_words",
            of_prompt=True,
        ),
        "teacher_words": Measure(
            int,
            "words of the teacher's trace",
            lambda it: it.teacher.words,
            typical=(20, 40, 80, 160),
            at_most="teacher_tokens",
            of_prompt=True,
        ),
        "teacher_tokens": Measure(
            int,
            "tokens of the teacher's trace, as its tokenizer counts",
            lambda it: it.teacher.tokens,
            typical=(27, 53, 107, 213),
            least=1,
            of_prompt=True,
        ),
        "group.correct": Measure(
            float,
            "share of the prompt's completions that are right, this one among them",
            among=lambda _, group: _mean([one.right for one in group]),
            of_prompt=True,
        ),
        "group.words": Measure(
            float,
            "mean words of the prompt's completions",
            among=lambda _, group: _mean([one.words for one in group]),
            of_prompt=True,
        ),
        "group.tokens": Measure(
            float,
            "mean tokens of the prompt's completions",
            among=lambda _, group: _mean([one.tokens for one in group]),
            of_prompt=True,
        ),
        "group.right_words": Measure(
            float,
            "mean words of the prompt's right completions; without a value where none is right",
            among=lambda _, group: _mean(_right_words(group)),
            of_prompt=True,
            given="group.correct",
        ),
        "rank": Measure(
            int,
            "place by words among the prompt's right completions: 1 is the shortest, equals share a place; "
            "without a value where this one is not right",
            among=rank,
            given="correct",
        ),
    }
)
"""Every measure by its name in expressions."""

MEASURES: Mapping[str, type] = MappingProxyType({name: measure.kind for name, measure in TABLE.items()})
"""Names that the reward of a group's completions may use, and their types."""
ALONE: Mapping[str, type] = MappingProxyType({name: each.kind for name, each in TABLE.items() if each.compute})
"""Those that one response has by itself."""
OWN: Mapping[str, type] = MappingProxyType(
    {name: each.kind for name, each in TABLE.items() if each.compute and not each.of_prompt}
)
"""Those of the response itself: what a teacher wrote to the same question does not count."""
AMONG: Mapping[str, type] = MappingProxyType({name: each.kind for name, each in TABLE.items() if each.among})
"""Those that it has among the other completions of its prompt."""


def measure(response: str, *, tokens: int, gold: str, teacher: Teacher, fmt: TraceFormat) -> Measured:
    """Measure one response by itself. `tokens` is its length as generated; `gold` the gold answer. Raises
    answers.AnswerError."""
    from cotspec.cot.answers import grade  # here: who checks an expression needs the names alone
    from cotspec.cot.judging import Grade
    from cotspec.cot.segment import segment

    trace = segment(response, fmt)
    graded = grade(trace, gold)
    return Measured(_alone(Response(trace, tokens, graded is Grade.RIGHT, teacher)), graded)


def size(trace: Trace, *, tokens: int, teacher: Teacher) -> dict[str, Value]:
    """What is measured of one response by itself, but for whether its answer is right."""
    values = _alone(Response(trace, tokens, right=False, teacher=teacher))
    del values["correct"]
    return values


def own(trace: Trace, *, tokens: int, right: bool) -> dict[str, Value]:
    """What is measured of a text itself; `tokens` is its length as generated."""
    found = Response(trace, tokens, right, _NO_TEACHER)
    return {name: each.compute(found) for name, each in TABLE.items() if each.compute and name in OWN}


_NO_TEACHER = Teacher(0, 0, 0)


def _alone(found: Response) -> dict[str, Value]:
    return {name: each.compute(found) for name, each in TABLE.items() if each.compute}


def peer(values: Mapping[str, Value]) -> Peer:
    """A response as one of its group, from its own measures."""
    return Peer(bool(values["correct"]), int(values["words"]), int(values["tokens"]))


def among(own: Peer, group: Sequence[Peer]) -> dict[str, Value]:
    """The measures a completion has among all completions of its prompt, itself one of them. What has no value is not
    there: a reward that reads it cannot be scored."""
    found = ((name, each.among(own, group)) for name, each in TABLE.items() if each.among)
    return {name: value for name, value in found if value is not None}
