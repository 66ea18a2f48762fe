"""What two sets of questions share: equal questions, and runs of words. And what one set says twice, or in two ways.

A question of the tested set counts as seen when it equals one of the taught set, or when most of its 13-grams of words
stand in taught questions (decision 29 says why most, and not one). Numbers are words: the same story with other numbers
is another problem. Pure; linear in the number of words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Final, NamedTuple

from cotspec.cot.answers import normalise

NGRAM: Final = 13
"""Words of a run that is looked for (Brown et al. 2020, appendix C)."""
MOST: Final = 0.7
"""Share of a question's 13-grams from which it counts as a copy (the share of Chowdhery et al. 2022, of 8-grams)."""
TOLERATED: Final = 0.01
"""Share of seen questions that is not worth a finding: they move the accuracy by a point at most."""
EXAMPLES: Final = 5
"""Most pairs that a result lists as examples."""

_SEPARATOR: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_POINT: Final = re.compile(r"\.(?!\d)")
_POINTS: Final = frozenset(",;:!?'\"`´’‘“”„«»…()[]_")
"""What sets words apart; other signs can be mathematics and count."""


class _WordTable(dict[int, str]):
    """Table for `str.translate` that sets signs apart: a blank on both sides, or, without `signs`, a blank in their
    place."""

    def __init__(self, *, signs: bool) -> None:
        super().__init__()
        self._signs = signs

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        word = sign.isalnum() or sign == "." or unicodedata.category(sign).startswith("M")
        self[code] = sign if word else f" {sign} " if self._signs and sign not in _POINTS else " "
        return self[code]


_WITH_SIGNS: Final = _WordTable(signs=True)
_WORDS_ONLY: Final = _WordTable(signs=False)


class Item(NamedTuple):
    """A problem of a data set."""

    id: int
    question: str
    answer: str


class Pair(NamedTuple):
    """Two problems that have something in common."""

    id: int
    other: int
    share: float
    """Share of the 13-grams of the first that stand in the other set; 1 for equal questions."""


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """What a tested set has in common with a taught one, in questions of the tested set."""

    questions: int
    equal: int
    copied: int
    """Not equal, and most of their 13-grams are taught."""
    shared: int
    """At least one 13-gram is taught, or they are equal."""
    short: int
    """Questions of fewer than 13 words, which are only compared as a whole."""
    examples: tuple[Pair, ...]
    """The first questions that are seen, each with the first taught one it has something from."""

    @property
    def seen(self) -> int:
        """Questions that are equal to a taught one, or copied."""
        return self.equal + self.copied

    @property
    def too_much(self) -> bool:
        """Whether it is worth a finding."""
        return self.seen > TOLERATED * self.questions


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """Questions that one set holds more than once."""

    questions: int
    repeated: int
    """Questions that equal an earlier one."""
    contradicting: int
    """Repeated questions whose gold answer differs from that of the first one."""
    examples: tuple[Pair, ...]
    """The first contradicting questions, each with the question that it repeats."""


def plain(question: str) -> str:
    """One spelling: case, thousands separators and the points of sentences are nothing to go by."""
    text = question if question.isascii() else unicodedata.normalize("NFKC", question)
    return _POINT.sub(" ", _SEPARATOR.sub("", text.casefold()) if "," in text else text.casefold())


def whole(text: str) -> str:
    """Equal for plain texts that are the same but for punctuation and blanks; signs of mathematics count."""
    return " ".join(text.translate(_WITH_SIGNS).split())


def words(text: str) -> list[str]:
    """The words and numbers of a plain text."""
    return text.translate(_WORDS_ONLY).split()


def repeats(items: Iterable[Item]) -> Repeats:
    """The questions that a set holds more than once."""
    first: dict[str, Item] = {}
    count = repeated = 0
    contradicting: list[Pair] = []
    for item in items:
        count += 1
        before = first.setdefault(whole(plain(item.question)), item)
        if before is not item:
            repeated += 1
            if normalise(before.answer) != normalise(item.answer):
                contradicting.append(Pair(item.id, before.id, 1.0))
    return Repeats(
        questions=count,
        repeated=repeated,
        contradicting=len(contradicting),
        examples=tuple(contradicting[:EXAMPLES]),
    )


def overlap(tested: Sequence[Item], taught: Iterable[Item]) -> Overlap:
    """What `tested` has in common with `taught`, of which only what is looked for is kept."""
    index = _Index(tested)
    for item in taught:
        index.meet(item)
    return index.found()


class _Index:
    """The tested questions by their text and by the runs of words in them, and where each was first met.

    A run is kept as the hash of the numbers of its words, a quarter of what it is.
    """

    def __init__(self, tested: Sequence[Item]) -> None:
        self._tested = tested
        self._numbers: dict[str, int] = {}
        texts = [plain(item.question) for item in tested]
        self._wholes = [whole(text) for text in texts]
        self._words = [[self._numbers.setdefault(word, len(self._numbers)) for word in words(text)] for text in texts]
        self._first_whole: dict[str, int | None] = dict.fromkeys(self._wholes)
        self._known = {run for numbers in self._words for run in _runs(numbers)}
        self._first_run: dict[int, int] = {}

    def meet(self, item: Item) -> None:
        """Look at a taught question."""
        text = plain(item.question)
        spelled = whole(text)
        if spelled in self._first_whole and self._first_whole[spelled] is None:
            self._first_whole[spelled] = item.id
        # A word that no tested question has is -1, and so is in none of their runs.
        for run in self._known.intersection(_runs(list(map(self._numbers.get, words(text), repeat(-1))))):
            self._first_run.setdefault(run, item.id)

    def found(self) -> Overlap:
        """The overlap of all questions that were looked up."""
        equal = copied = shared = short = 0
        examples: list[Pair] = []
        for item, spelled, numbers in zip(self._tested, self._wholes, self._words, strict=True):
            runs = list(_runs(numbers))
            seen_runs = [run for run in runs if run in self._first_run]
            share = len(seen_runs) / len(runs) if runs else 0.0
            other = self._first_whole[spelled]
            short += not runs
            if other is not None:
                equal, share = equal + 1, 1.0
            elif share >= MOST:
                copied, other = copied + 1, self._first_run[seen_runs[0]]
            shared += other is not None or bool(seen_runs)
            if other is not None:
                examples.append(Pair(item.id, other, round(share, 3)))
        return Overlap(
            questions=len(self._tested),
            equal=equal,
            copied=copied,
            shared=shared,
            short=short,
            examples=tuple(examples[:EXAMPLES]),
        )


def _runs(numbers: list[int]) -> Iterator[int]:
    return map(hash, zip(*(numbers[start:] for start in range(NGRAM)), strict=False))
