"""The answers behind a report's table: who got what right, which questions changed sides, what kinds of failure there
are, and a bounded choice of questions with the texts themselves.

All answers are counted. Which questions are shown follows from the files alone: some evenly over the set, and some of
each kind of failure and each change between two models.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Final, Literal

from cotspec.cot.stats import clustered, mean_interval, paired_difference
from cotspec.page.browser import blocks, evenly
from cotspec.runtime import lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.records import Prediction

Kind = Literal["cut", "ungradable", "form", "wrong"]
KINDS: Final[Mapping[Kind, str]] = {
    "cut": "cut at the limit",
    "ungradable": "ungradable",
    "form": "not in the form",
    "wrong": "wrong",
}
"""What an answer that is not right is called: the first of these that holds."""
MOST_QUESTIONS: Final = 120
"""Questions of a set whose texts are shown."""
EVENLY: Final = 30
"""Of these, taken evenly over the set before any others."""
OF_A_KIND: Final = 12
"""Questions for each kind of failure of a model and each change, evenly over those there are."""
MOST_PAGED: Final = 600
"""Questions in blocks below them."""
_LONGEST: Final = 4_000
"""Characters of an answer that are shown."""
_AROUND: Final = 500
"""Characters of the page around a text."""
_TOO_MANY: Final = 10**12
MOST_TEXTS: Final = 2
"""Answers of one model to one question that are shown: a right one and one that is not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer without its text."""

    kind: Kind | Literal[""]
    """"" is right."""
    tokens: int
    formatted: bool


@dataclass(kw_only=True)
class Answers:
    """All answers of one model to one set, by question in the order of the file."""

    label: str
    path: Path
    by_question: dict[int, list[Answer]] = field(default_factory=dict)

    def right(self) -> dict[int, float]:
        """By question, the share of its answers that are right."""
        return {id: sum(not one.kind for one in all_) / len(all_) for id, all_ in self.by_question.items()}

    def kinds(self) -> dict[Kind, list[int]]:
        """By kind of failure, the questions that have such an answer."""
        return {kind: [id for id, all_ in self.by_question.items() if _has(all_, kind)] for kind in KINDS}

    @property
    def whole(self) -> int:
        """All answers."""
        return sum(map(len, self.by_question.values()))

    def count(self, kind: Kind | Literal[""]) -> int:
        """Answers of a kind."""
        return sum(one.kind == kind for all_ in self.by_question.values() for one in all_)

    @property
    def tokens(self) -> tuple[float, float] | None:
        """95 % interval of the mean number of tokens, over questions."""
        return mean_interval([sum(one.tokens for one in all_) / len(all_) for all_ in self.by_question.values()])

    @property
    def formatted(self) -> tuple[float, float]:
        """95 % interval of the share of well-formed answers, clustered by question."""
        shares = [sum(one.formatted for one in all_) / len(all_) for all_ in self.by_question.values()]
        return clustered(shares, max(map(len, self.by_question.values())))


def _has(answers: Sequence[Answer], kind: Kind) -> bool:
    return any(one.kind == kind for one in answers)


def read(label: str, path: Path) -> Answers:
    """The answers of a file. Raises TaskError where it holds something else."""
    answers = Answers(label=label, path=path)
    for each in lines.iterate(path, Prediction):
        if not 0 <= each.tokens < _TOO_MANY:
            raise TaskError(
                f"{path.name}: question {each.id}: `tokens` is no length of a text: run what wrote it again"
            )
        answers.by_question.setdefault(each.id, []).append(Answer(_kind(each), each.tokens, each.formatted))
    return answers


def _kind(each: Prediction) -> Kind | Literal[""]:
    if each.correct:
        return ""
    if each.truncated:
        return "cut"
    if each.ungradable:
        return "ungradable"
    return "wrong" if each.formatted else "form"


@dataclass(frozen=True, kw_only=True)
class Change:
    """From one model to another, on the questions that both answered."""

    before: str
    after: str
    questions: int
    points: float
    low: float
    high: float
    won: tuple[int, ...]
    """Questions of which more answers are right …"""
    lost: tuple[int, ...]
    """… and those of which fewer are."""


def change(before: Answers, after: Answers) -> Change | None:
    """None where they share no question."""
    old, new = before.right(), after.right()
    both = [id for id in old if id in new]
    if not both:
        return None
    points, low, high = paired_difference([new[id] - old[id] for id in both])
    return Change(
        before=before.label,
        after=after.label,
        questions=len(both),
        points=points,
        low=low,
        high=high,
        won=tuple(id for id in both if new[id] > old[id]),
        lost=tuple(id for id in both if new[id] < old[id]),
    )


def changes(models: Sequence[Answers]) -> list[Change]:
    """From each model to the next, and from the first to the last."""
    pairs = [*pairwise(models), *([(models[0], models[-1])] if len(models) > 2 else [])]
    return [changed for before, after in pairs if (changed := change(before, after)) is not None]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A reason to look at questions: a failure of one model, or a change from one to another."""

    group: str
    name: str
    questions: tuple[int, ...]


def sides(samples: int) -> tuple[str, str]:
    """What changes of a question are called."""
    return ("wrong → right", "right → wrong") if samples == 1 else ("more right", "fewer right")


def choices(models: Sequence[Answers], differences: Sequence[Change], samples: int) -> Iterator[Choice]:
    """Those that there are questions for."""
    for model in models:
        for kind, failed in model.kinds().items():
            if failed:
                yield Choice(group=model.label, name=KINDS[kind], questions=tuple(failed))
    for each in differences:
        group = f"{each.before} → {each.after}"
        for name, questions in zip(sides(samples), (each.won, each.lost), strict=True):
            if questions:
                yield Choice(group=group, name=name, questions=questions)


def chosen(models: Sequence[Answers], wanted: Sequence[Choice]) -> list[int]:
    """The questions that are shown, in the order of the set."""
    every = order(models)
    kept = dict.fromkeys(evenly(every, EVENLY))
    for turn in zip_longest(*(evenly(each.questions, OF_A_KIND) for each in wanted)):
        for id in turn:
            if id is not None and len(kept) < MOST_QUESTIONS:
                kept[id] = None
    return [id for id in every if id in kept]


def order(models: Sequence[Answers]) -> list[int]:
    """The questions of the set."""
    return list(dict.fromkeys(id for model in models for id in model.by_question))


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A question with the answers of all models."""

    id: int
    question: str
    answer: str
    texts: Mapping[str, Sequence[Prediction]]
    """By model, no more than MOST_TEXTS."""

    @property
    def size(self) -> int:
        """Characters of the page that it takes."""
        written = (self.question, self.answer, *(each.text for kept in self.texts.values() for each in kept))
        return sum(min(len(text), _LONGEST) + _AROUND for text in written)


def shown(models: Sequence[Answers], ids: Sequence[int]) -> list[Shown]:
    """The texts of the questions that are shown; every file is read once more, and only these are kept."""
    wanted = set(ids)
    asked: dict[int, tuple[str, str]] = {}
    texts: dict[int, dict[str, list[Prediction]]] = {id: {} for id in ids}
    for model in models:
        for each in lines.iterate(model.path, Prediction):
            if each.id in wanted:
                asked.setdefault(each.id, (each.question, each.answer))
                kept = texts[each.id].setdefault(model.label, [])
                if not kept or (len(kept) < MOST_TEXTS and kept[0].correct is not each.correct):
                    kept.append(each)
    return [Shown(id=id, question=asked[id][0], answer=asked[id][1], texts=texts[id]) for id in ids]


def pages(models: Sequence[Answers], without: Collection[int]) -> list[list[Shown]]:
    """The other questions, in blocks and in the order of the set, as far as there is room for them."""
    others = [id for id in order(models) if id not in without][:MOST_PAGED]
    return blocks(shown(models, others) if others else (), lambda each: each.size)
