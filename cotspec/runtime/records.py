"""The lines of the files that tasks hand to each other (`TraceRecord` and the row types are the kernel's)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cotspec.cot.records import TraceRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One line of problems.jsonl."""

    id: int
    question: str
    answer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TracedProblem(Problem):
    """One line of problems.jsonl of a data set whose questions have a text each."""

    trace: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """One line of rollouts.jsonl: one text that a model wrote."""

    id: int
    question: str
    answer: str
    text: str
    tokens: int
    """Generated tokens, the end-of-sequence token included."""
    truncated: bool
    """Ended at the token limit, not by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaterRollout(Rollout):
    """One line of rollouts.jsonl of texts over texts; lines without are read as such, too."""

    of: int = 0
    """Which of the texts of its question it was made over …"""
    before: tuple[str, ...] = ()
    """… that text and those before it, nearest first …"""
    before_tokens: tuple[int, ...] = ()
    """… and their tokens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """One line of gathered.jsonl: a text that was written over several records."""

    ids: tuple[int, ...]
    """Of their questions."""
    text: str
    tokens: int
    truncated: bool
    """Ended at the token limit, not by itself."""


@dataclass(frozen=True, kw_only=True)
class Failure(TraceRecord):
    """One line of failures.jsonl: a trace whose question the model got wrong, with what it wrote."""

    attempts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """One line of predictions.jsonl."""

    id: int
    question: str
    answer: str
    text: str
    tokens: int
    correct: bool
    ungradable: bool
    """Its answer could not be compared with the gold answer; then it is not correct."""
    formatted: bool
    truncated: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SampledCompletion:
    """A completion that GRPO learnt from, as samples.jsonl keeps it."""

    text: str
    """Its beginning, as the reward read it."""
    characters: int
    """Of the whole text."""
    tokens: int
    truncated: bool
    grade: str
    """right, wrong or ungradable."""
    reward: float | None
    """None: it could not be scored."""
    terms: Mapping[str, float]
    """Weighted value of each term; empty where a gate decided."""
    gate: int
    """The gate that decided, counted from 1; 0: none did."""
    problem: str
    """Why there is no reward."""
    advantage: float
    in_loss: bool
    """Whether any of its tokens carries loss."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedCompletion(SampledCompletion):
    """One that judges were asked about."""

    judges: Mapping[str, str]
    """What each wrote, by its name: the beginning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SampledGroup:
    """One line of samples.jsonl: completions of one prompt."""

    step: int
    """Optimizer steps that were made before it was written."""
    id: int
    """Of the record that its row was made of."""
    prompt: str
    begin: str
    """What the completions begin with."""
    answer: str
    imitated: bool
    """None was right, and the demonstration was learnt in their place."""
    completions: tuple[JudgedCompletion | SampledCompletion, ...]
    others: int
    """Completions of the group that are not kept."""
