"""Which answer most of a question's texts give: majority vote, or self-consistency (arXiv 2203.11171). Pure.

Two answers are one where grading calls them the same, whichever is taken for the gold one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

_LONGEST: Final = 1_000
"""Characters of an answer. A longer one is a text that did not end: it is compared as it is written, since to read it
as a formula takes seconds, once for each other answer."""


class Ballot(NamedTuple):
    """The answers of texts."""

    answers: tuple[int | None, ...]
    """Which answer each text gives: the number of the first that gives it; None for one that gives none."""
    compared: bool
    """Whether every two of them could be compared; those that could not are two answers."""


def ballot(answers: Sequence[str | None]) -> Ballot:
    """Sort answers by what they say. Raises answers.AnswerError.

    >>> ballot(["1/2", "0.5", None, "7"])
    Ballot(answers=(0, 0, None, 3), compared=True)
    """
    numbers: dict[str, int] = {}
    firsts: list[str] = []
    compared = True
    for at, answer in enumerate(answers):
        if answer is None or answer in numbers:
            continue
        numbers[answer] = at
        for first in firsts:
            same = _same(answer, first)
            compared &= same is not None
            if same:
                numbers[answer] = numbers[first]
                break
        else:
            firsts.append(answer)
    return Ballot(tuple(None if answer is None else numbers[answer] for answer in answers), compared)


def votes(own: int | None, answers: Sequence[int | None]) -> float:
    """The share of texts that give an answer, the own one among them; 0 of a text that gives none."""
    return 0.0 if own is None else sum(each == own for each in answers) / len(answers)


def majority(own: int | None, answers: Sequence[int | None]) -> bool:
    """Whether more texts give an answer than any other one; where two lead alike, none does."""
    return own is not None and _leaders(answers) == [own]


def decided(answers: Sequence[int | None]) -> bool:
    """Whether some answer leads."""
    return len(_leaders(answers)) == 1


def _leaders(answers: Sequence[int | None]) -> list[int]:
    """The answers that most texts give. Each is counted once: of a record there may be hundreds."""
    counts = Counter(each for each in answers if each is not None)
    most = max(counts.values(), default=0)
    return [answer for answer, count in counts.items() if count == most]


def _same(one: str, other: str) -> bool | None:
    """Whether two answers say the same; None where they cannot be compared."""
    from cotspec.cot.answers import compare  # here: who checks an expression needs no grading
    from cotspec.cot.grading_rules import Grade

    if max(len(one), len(other)) > _LONGEST:
        return True if one.strip() == other.strip() else None
    grades = {compare(one, other), compare(other, one)}
    return True if Grade.RIGHT in grades else None if Grade.UNGRADABLE in grades else False
