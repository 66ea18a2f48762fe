"""The lines of traces.jsonl, pairs.jsonl and rows.jsonl, and the texts of a record with what they measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cotspec.cot import conditions
from cotspec.cot.answers import grade, grades
from cotspec.cot.grading_rules import Grade
from cotspec.cot.measures import Value, own
from cotspec.cot.segment import segment
from cotspec.cot.units import Span
from cotspec.spec import payload

UNKNOWN_TOKENS: Final = 0
"""Stands in a record whose number of tokens nobody has counted; it is never shown and never scored."""


@dataclass(frozen=True, kw_only=True)
class TraceRecord:
    """One line of traces.jsonl: a question, its gold answer, and the teacher's trace with its measures."""

    id: int
    question: str
    answer: str
    trace: str
    steps: int
    words: int
    tokens: int


@dataclass(frozen=True, kw_only=True)
class TextRecord(TraceRecord):
    """One line of traces.jsonl where texts are made over texts, or several of a question go on; lines without are read
    as such, too."""

    sample: int = 0
    """Number of the text among those of its question, from 0."""
    before: tuple[str, ...] = ()
    """The texts that it was made over, nearest first …"""
    before_tokens: tuple[int, ...] = ()
    """… and the number of tokens of each."""
    score: float = 0.0
    """The share of right ones among the texts that were made over the same one."""


@dataclass(frozen=True, kw_only=True)
class AimedRecord(TextRecord):
    """A record whose trace is one of the texts before it."""

    own: str
    """The text that was its trace …"""
    own_tokens: int
    """… and its number of tokens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SftRow:
    """One line of rows.jsonl for sft. `supervise` are sorted spans of `target` that carry loss; one that reaches the
    target's end supervises the end-of-sequence token too."""

    row: int
    epoch: int
    id: int
    prompt: str
    target: str
    supervise: tuple[Span, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class GrpoRow:
    """One line of rows.jsonl for grpo."""

    row: int
    epoch: int
    id: int
    prompt: str
    answer: str
    teacher_steps: int
    teacher_words: int
    teacher_tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class GuidedRow(GrpoRow):
    """One line of rows.jsonl for grpo that is given something of the trace; rows without are read as such, too."""

    begin: str = ""
    """What the answer begins with."""
    demonstration: str = ""
    """How it goes on in the trace: what is imitated where all completions fail."""
    texts: Mapping[str, Value] = field(default_factory=dict)
    """What the reward asks about the texts of its record."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedRow(GuidedRow):
    """One line of rows.jsonl for grpo with judges; rows without are read as such, too."""

    shown: Mapping[str, str] = field(default_factory=dict)
    """What the prompts of judges may show of the row, by the names they use."""


@dataclass(frozen=True, kw_only=True)
class PairRecord(TraceRecord):
    """One line of pairs.jsonl: a trace with two answers of a model to its question."""

    chosen: str
    """The right answer."""
    rejected: str
    """The wrong answer."""


@dataclass(frozen=True, kw_only=True)
class ComparedRecord(PairRecord, TextRecord):
    """One line of pairs.jsonl where texts are compared: its trace is the better one, too. Lines of tries are read as
    such."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairRow:
    """One line of rows.jsonl for dpo."""

    row: int
    epoch: int
    id: int
    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TaughtRow:
    """One line of rows.jsonl for distill. Where the student writes its texts, `target` is "" and nothing supervised."""

    row: int
    epoch: int
    id: int
    prompt: str
    context: str
    """What the teacher reads in place of the prompt; "" for the prompt itself."""
    target: str
    supervise: tuple[Span, ...]


def counted(record: TraceRecord) -> list[tuple[str, int]]:
    """The texts of a record with their tokens, the nearest first."""
    before = zip(record.before, record.before_tokens, strict=True) if isinstance(record, TextRecord) else ()
    own = (record.own, record.own_tokens) if isinstance(record, AimedRecord) else (record.trace, record.tokens)
    return [own, *before]


def measured(
    texts: Sequence[tuple[str, int]], answer: str, fmt: payload.TraceFormat, where: str
) -> list[dict[str, Value]]:
    """The measures of texts with their tokens, the nearest first, as far back as an expression asks."""
    measures: list[dict[str, Value]] = []
    for text, tokens in texts[: conditions.deepest(where) + 1]:
        trace = segment(text, fmt)
        rights = frozenset(name for name, each in grades(trace, answer).items() if each is Grade.RIGHT)
        right = grade(trace, answer) is Grade.RIGHT
        measures.append(own(trace, tokens=tokens, right=right, rights=rights))
    return measures


def texts(record: TraceRecord) -> tuple[str, ...]:
    """The texts of a record: its own, and those that it was made over, nearest first."""
    return tuple(text for text, _ in counted(record))


def named(record: TraceRecord) -> Mapping[str, str]:
    """The texts that prompts can read, by the names that payloads give them."""
    return {conditions.called(depth): text.strip() for depth, text in enumerate(texts(record))}
