"""What a reward, a gate or an evaluation may ask about one response: one table, and nobody else lists measures.

Knows nothing of weights, models or tokenizers. A row of TABLE says how a measure is computed and what values it has, so
that rules can try rewards on responses nobody has written yet (`cotspec.cot.reward_trial`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import fmean
from types import MappingProxyType
from typing import TYPE_CHECKING

from cotspec.cot import segment_measures, voting
from cotspec.cot.measure_types import Measure as Measure
from cotspec.cot.measure_types import Measured as Measured
from cotspec.cot.measure_types import Peer as Peer
from cotspec.cot.measure_types import Response as Response
from cotspec.cot.measure_types import Teacher as Teacher
from cotspec.cot.measure_types import Value as Value
from cotspec.cot.measure_types import words as words

if TYPE_CHECKING:
    from cotspec.cot.segment import Trace
    from cotspec.spec.payload import Form, TraceFormat


def formatted(trace: Trace) -> bool:
    """At least one step line and an answer given with its opener (on the last step's line too); of a format that has a
    form, whether it is kept."""
    if trace.form:
        return segment_measures.in_form(trace)
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
        "votes": Measure(
            float,
            "share of the prompt's completions that give its answer, this one among them; 0 without an answer",
            among=lambda own, group: voting.votes(own.answer, [one.answer for one in group]),
        ),
        "majority": Measure(
            bool,
            "more of the prompt's completions give its answer than any other; where two lead alike, none does",
            among=lambda own, group: voting.majority(own.answer, [one.answer for one in group]),
        ),
    }
)
"""Every measure by its name in expressions."""

MEASURES: Mapping[str, type] = MappingProxyType({name: measure.kind for name, measure in TABLE.items()})
"""Names that the reward of a group's completions may use, and their types."""
ALONE: Mapping[str, type] = MappingProxyType({name: each.kind for name, each in TABLE.items() if each.compute})
"""The measures that are computed from one response alone."""
OWN: Mapping[str, type] = MappingProxyType(
    {name: each.kind for name, each in TABLE.items() if each.compute and not each.of_prompt}
)
"""The measures of the response itself, without those of the teacher's trace for the same question."""
AMONG: Mapping[str, type] = MappingProxyType({name: each.kind for name, each in TABLE.items() if each.among})
"""The measures that compare a completion with the others of its prompt."""
VOTED: Mapping[str, type] = MappingProxyType({name: TABLE[name].kind for name in ("votes", "majority")})
"""Those of them that ask for its answer: they are known of the texts of a record, too."""


@lru_cache(maxsize=64)
def table(form: Form) -> Mapping[str, Measure]:
    """Every measure by its name, those of the segments of a form among them: first, for their sizes are parts of
    `words`."""
    if not form:
        return TABLE
    kept = TABLE["formatted"]._replace(about="the segments of the form, whole and in order", needs="words")
    return MappingProxyType({**segment_measures.rows(form), **TABLE, "formatted": kept})


def names(form: Form) -> Mapping[str, type]:
    """MEASURES with those of a form."""
    return {name: each.kind for name, each in table(form).items()} if form else MEASURES


def own_names(form: Form) -> Mapping[str, type]:
    """OWN with those of a form."""
    return {name: each.kind for name, each in _own(form).items()} if form else OWN


def _own(form: Form) -> dict[str, Measure]:
    return {name: each for name, each in table(form).items() if each.compute and not each.of_prompt}


def measure(response: str, *, tokens: int, gold: str, teacher: Teacher, fmt: TraceFormat) -> Measured:
    """Measure one response by itself. `tokens` is its length as generated; `gold` the gold answer. Raises
    answers.AnswerError."""
    from cotspec.cot.answers import grade, grades  # here: who checks an expression needs the names alone
    from cotspec.cot.grading_rules import Grade
    from cotspec.cot.segment import segment

    trace = segment(response, fmt)
    graded = grade(trace, gold)
    rights = frozenset(name for name, each in grades(trace, gold).items() if each is Grade.RIGHT)
    return Measured(_alone(Response(trace, tokens, graded is Grade.RIGHT, teacher, rights)), graded)


def size(trace: Trace, *, tokens: int, teacher: Teacher) -> dict[str, Value]:
    """The measures of one response by itself, without those that need a gold answer."""
    values = _alone(Response(trace, tokens, right=False, teacher=teacher))
    return {name: value for name, value in values.items() if name.rpartition(".")[2] != "correct"}


def own(trace: Trace, *, tokens: int, right: bool, rights: frozenset[str] = frozenset()) -> dict[str, Value]:
    """The measures of a text itself; `tokens` is its length as generated."""
    response = Response(trace, tokens, right, _NO_TEACHER, rights)
    return {name: each.compute(response) for name, each in _own(trace.form).items() if each.compute}


_NO_TEACHER = Teacher(0, 0, 0)


def _alone(response: Response) -> dict[str, Value]:
    return {name: each.compute(response) for name, each in table(response.trace.form).items() if each.compute}


def peer(values: Mapping[str, Value]) -> Peer:
    """A response as one of its group, from its own measures."""
    return Peer(bool(values["correct"]), int(values["words"]), int(values["tokens"]))


def among(own: Peer, group: Sequence[Peer]) -> dict[str, Value]:
    """The measures a completion has among all completions of its prompt, itself one of them. What has no value is not
    there: a reward that reads it cannot be scored."""
    values = ((name, each.among(own, group)) for name, each in TABLE.items() if each.among)
    return {name: value for name, value in values if value is not None}
