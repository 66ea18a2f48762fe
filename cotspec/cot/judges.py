"""What a judge's text says: its measures, without those that it leaves open. Pure.

A label that is missing is not a `false`, nor is an answer that is not given a wrong one: nobody has judged then, and a
reward that asks cannot be scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from cotspec.cot.answers import answer_of, grade, grades
from cotspec.cot.grading_rules import Grade
from cotspec.cot.measures import Value, own
from cotspec.cot.prompting import render
from cotspec.cot.segment import Trace, segment
from cotspec.cot.template import RESPONSE
from cotspec.spec.payload import Judge, TraceFormat

CORRECT: Final = "correct"
NOTHING: Final[Mapping[str, Value]] = {}
"""What a text says that was cut, or never written."""


def asking(judge: Judge, response: str, shown: Mapping[str, str]) -> str:
    """What a judge reads of a completion; `shown` is what its row has. Raises prompting.PromptError."""
    texts = {**shown, RESPONSE: response.strip()}
    return render(judge.prompt, question=texts.pop("question", ""), trace="", texts=texts)


def verdict(text: str, *, tokens: int, gold: str, fmt: TraceFormat) -> dict[str, Value]:
    """The measures of a judge's whole text, by their names; `tokens` is its length as generated. Raises
    answers.AnswerError."""
    trace = segment(text, fmt)
    graded, by_segment = grade(trace, gold), grades(trace, gold)
    rights = frozenset(name for name, each in by_segment.items() if each is Grade.RIGHT)
    open_ = set(_open(trace, graded, by_segment))
    measures = own(trace, tokens=tokens, right=graded is Grade.RIGHT, rights=rights)
    return {name: value for name, value in measures.items() if name not in open_}


def _open(trace: Trace, graded: Grade, each: Mapping[str, Grade]) -> Iterator[str]:
    """The measures that a text does not say."""
    if answer_of(trace) is None or graded is Grade.UNGRADABLE:
        yield CORRECT
    for one in trace.form:
        last = trace.last(one.name)
        if one.label and (last is None or not trace.label(last)):
            yield from (f"{one.name}.{label}" for label in one.label)
        if one.grade and (last is None or each[one.name] is Grade.UNGRADABLE):
            yield f"{one.name}.{CORRECT}"


def named(judge: str, values: Mapping[str, Value]) -> dict[str, Value]:
    """Measures of a judge's text as a reward asks for them."""
    return {f"{judge}.{name}": value for name, value in values.items()}
