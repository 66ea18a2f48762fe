"""Texts of training that a report shows: groups that GRPO learnt from, and the teacher's traces beside what a model
wrote to the same questions.

All of it is a bounded choice, evenly over the files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cotspec.cot.records import TextRecord, TraceRecord
from cotspec.page.browser import blocks, evenly
from cotspec.runtime import lines
from cotspec.runtime.records import Failure, SampledCompletion, SampledGroup
from cotspec.runtime.train import samples

MOST_GROUPS: Final = samples.MOST_GROUPS
"""Groups of a stage that are shown: all that a run keeps."""
MOST_COMPLETIONS: Final = samples.MOST_COMPLETIONS
"""Completions of a group that are shown."""
AT_ONCE: Final = 8
"""Of these, those that stand open in it."""
MOST_RECORDS: Final = 12
"""Questions of a generation that are shown first with the teacher's trace."""
MOST_PAGED: Final = 300
"""Questions in blocks below them."""
LONGEST_TRACE: Final = 4_000
"""Characters of a trace that are shown."""
LONGEST_TEXT: Final = 2_500
"""Characters of what a student wrote that are shown."""
_AROUND: Final = 500
"""Characters of the page around a text."""
MOST_TRIES: Final = 2
"""What a model wrote to such a question."""
MOST_BEFORE: Final = 3
"""Texts that a trace was written over."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Completions of one prompt."""

    sampled: SampledGroup
    completions: Sequence[SampledCompletion]
    left_out: int

    @property
    def right(self) -> int:
        """How many of those that samples.jsonl keeps are right."""
        return sum(one.grade == "right" for one in self.sampled.completions)

    @property
    def rewards(self) -> tuple[float, float] | None:
        """The lowest and the highest; None where none could be scored."""
        known = [one.reward for one in self.sampled.completions if one.reward is not None]
        return (min(known), max(known)) if known else None

    @property
    def signal(self) -> bool:
        """Whether its rewards differ."""
        return self.rewards is not None and self.rewards[0] != self.rewards[1]


@dataclass(frozen=True, kw_only=True)
class Try:
    """What a model wrote to a question of training."""

    by: str
    text: str
    characters: int
    tokens: int | None
    """None: nobody has counted them."""
    grade: str
    """"" where nobody says it."""
    reward: float | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """A question of training with the teacher's trace."""

    trace: TraceRecord
    tries: tuple[Try, ...]
    before: tuple[str, ...] = ()
    """The texts that the trace was written over, nearest first."""

    @property
    def size(self) -> int:
        """Characters of the page that it takes."""
        own = (self.trace.question, self.trace.answer, self.trace.trace, *self.before)
        written = (*own, *(one.text for one in self.tries))
        return sum(min(len(text), LONGEST_TRACE) + _AROUND for text in written)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file of texts that were learnt from."""

    name: str
    records: Sequence[Record]
    """Those that stand first."""
    pages: Sequence[Sequence[Record]]
    """Others, in blocks."""
    whole: int
    """Questions of the file."""

    @property
    def shown(self) -> int:
        """How many of them are on the page."""
        return len(self.records) + sum(map(len, self.pages))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Choice:
    """Which questions of a file are shown, by what tells them apart in it."""

    first: Sequence[int]
    paged: Sequence[int]
    all: frozenset[int]
    whole: int

    def source(self, name: str, record: Callable[[int], Record]) -> Source:
        pages = blocks(map(record, self.paged), lambda each: each.size)
        return Source(name=name, records=[record(key) for key in self.first], pages=pages, whole=self.whole)


def _choice(every: Sequence[int], first: Collection[int]) -> _Choice:
    """Some that stand first, then the others in their order."""
    paged = [key for key in every if key not in first][:MOST_PAGED]
    kept = [key for key in every if key in first]
    return _Choice(first=kept, paged=paged, all=frozenset((*kept, *paged)), whole=len(every))


def groups(path: Path) -> list[SampledGroup]:
    """All of a samples.jsonl."""
    return lines.read(path, SampledGroup)


def shown(sampled: Sequence[SampledGroup]) -> list[Group]:
    """Those that are shown."""
    return [
        Group(
            sampled=sampled[at],
            completions=sampled[at].completions[:MOST_COMPLETIONS],
            left_out=len(sampled[at].completions[MOST_COMPLETIONS:]) + sampled[at].others,
        )
        for at in evenly(range(len(sampled)), MOST_GROUPS)
    ]


def traces(name: str, path: Path, sampled: Mapping[str, Sequence[SampledGroup]]) -> Source:
    """Traces of a generation, first those to whose questions GRPO kept completions; `sampled` are these by stage."""
    ids = list(dict.fromkeys(each.id for each in lines.iterate(path, TextRecord)))
    known = {group.id for records in sampled.values() for group in records}
    tried = evenly([id for id in ids if id in known], MOST_RECORDS)
    choice = _choice(ids, {*tried, *evenly([id for id in ids if id not in known], MOST_RECORDS - len(tried))})
    kept = dict[int, TextRecord]()
    for each in lines.iterate(path, TextRecord):
        if each.id in choice.all:
            kept.setdefault(each.id, each)
    return choice.source(
        name, lambda id: Record(trace=kept[id], tries=_tries(id, sampled), before=kept[id].before[:MOST_BEFORE])
    )


def of_questions(files: Mapping[str, Path], questions: Collection[str]) -> dict[str, list[tuple[str, TraceRecord]]]:
    """The traces that there are to some questions, by question; `files` are the generations' by name. Most questions of
    an evaluation have none: nobody taught them."""
    by_question: dict[str, list[tuple[str, TraceRecord]]] = {}
    for name, path in files.items() if questions else ():
        for each in lines.iterate(path, TraceRecord):
            if each.question in questions and all(made != name for made, _ in by_question.get(each.question, [])):
                by_question.setdefault(each.question, []).append((name, each))
    return by_question


def _tries(id: int, sampled: Mapping[str, Sequence[SampledGroup]]) -> tuple[Try, ...]:
    """The completion that earned most and the one that earned least, of the last group of each stage."""
    made: list[Try] = []
    for stage, kept in sampled.items():
        groups = [group for group in kept if group.id == id]
        ranked = sorted(groups[-1].completions, key=_earned, reverse=True) if groups else []
        for one in [*ranked[:1], *ranked[1:][-1:]]:
            by = f"{stage}, step {groups[-1].step}"
            told = {"text": one.text, "characters": one.characters, "tokens": one.tokens, "grade": one.grade}
            made.append(Try(by=by, reward=one.reward, **told))  # type: ignore[arg-type]
    return tuple(made[: 2 * MOST_TRIES])


def _earned(one: SampledCompletion) -> tuple[bool, float]:
    return (one.reward is not None, one.reward or 0.0)


def failures(name: str, path: Path, by: str) -> Source:
    """Questions that a model failed, with the trace and what it wrote."""
    places = range(sum(1 for _ in lines.iterate(path, Failure)))
    choice = _choice(places, set(evenly(places, MOST_RECORDS)))
    kept = {at: each for at, each in enumerate(lines.iterate(path, Failure)) if at in choice.all}
    return choice.source(name, lambda at: _failure(kept[at], by))


def _failure(each: Failure, by: str) -> Record:
    return Record(
        trace=TraceRecord(**{name: getattr(each, name) for name in TraceRecord.__dataclass_fields__}),
        tries=tuple(
            Try(by=f"{by}, try {number}", text=text, characters=len(text), tokens=None, grade="")
            for number, text in enumerate(each.attempts[:MOST_TRIES], 1)
        ),
    )
