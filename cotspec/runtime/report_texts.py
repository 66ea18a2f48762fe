"""Texts of training that a report shows: groups that GRPO learnt from, and the teacher's traces beside what a model
wrote to the same questions.

All of it is a bounded choice, evenly over the files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cotspec.cot.records import TraceRecord
from cotspec.page.browser import evenly
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
"""Questions of a generation that are shown with the teacher's trace."""
MOST_TRIES: Final = 2
"""What a model wrote to such a question."""


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


def traces(path: Path, sampled: Mapping[str, Sequence[SampledGroup]]) -> list[Record]:
    """Traces of a generation, first those to whose questions GRPO kept completions; `sampled` are these by stage."""
    ids = list(dict.fromkeys(each.id for each in lines.iterate(path, TraceRecord)))
    known = {group.id for records in sampled.values() for group in records}
    tried = evenly([id for id in ids if id in known], MOST_RECORDS)
    others = evenly([id for id in ids if id not in known], MOST_RECORDS - len(tried))
    wanted, records = set(tried) | set(others), dict[int, TraceRecord]()
    for each in lines.iterate(path, TraceRecord):
        if each.id in wanted:
            records.setdefault(each.id, each)
    return [Record(trace=records[id], tries=_tries(id, sampled)) for id in ids if id in wanted]


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


def failures(path: Path, by: str) -> list[Record]:
    """Questions that a model failed, with the trace and what it wrote."""
    count = sum(1 for _ in lines.iterate(path, Failure))
    wanted = set(evenly(range(count), MOST_RECORDS))
    return [
        Record(
            trace=TraceRecord(**{name: getattr(each, name) for name in TraceRecord.__dataclass_fields__}),
            tries=tuple(
                Try(by=f"{by}, try {number}", text=text, characters=len(text), tokens=None, grade="")
                for number, text in enumerate(each.attempts[:MOST_TRIES], 1)
            ),
        )
        for at, each in enumerate(lines.iterate(path, Failure))
        if at in wanted
    ]
