"""Better and worse texts of one question. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from cotspec.cot.grading_rules import Grade

T = TypeVar("T")


class Try(NamedTuple):
    """One try at a question."""

    text: str
    grade: Grade
    truncated: bool
    """Cut at the token limit: no whole answer, so it is in no pair."""


def pair(tries: Sequence[Try]) -> tuple[str, str] | None:
    """The first right and the first wrong try; None without both. What cannot be graded is neither.

    >>> pair([Try("4", Grade.WRONG, False), Try("3", Grade.RIGHT, False), Try("5", Grade.WRONG, False)])
    ('3', '4')
    """
    whole = [each for each in tries if not each.truncated and each.text.strip()]
    right = next((each.text for each in whole if each.grade is Grade.RIGHT), None)
    wrong = next((each.text for each in whole if each.grade is Grade.WRONG), None)
    return None if right is None or wrong is None else (right, wrong)


def compared(texts: Sequence[tuple[T, float]], *, gap: float, most: int) -> list[tuple[T, T]]:
    """At most `most` pairs of a better and a worse text, given each with its value: the best with the worst, the second
    with the second last, … as long as their values differ by more than `gap`. Of equal values the first counts, so that
    of right (1) and wrong (0) texts the first of each are paired.

    >>> compared([("long", 1.0), ("wrong", 0.0), ("short", 1.8)], gap=0.5, most=2)
    [('short', 'wrong')]
    """
    best = sorted(texts, key=lambda each: -each[1])
    worst = sorted(texts, key=lambda each: each[1])
    pairs = zip(best[: min(most, len(texts) // 2)], worst, strict=False)
    return [(one, other) for (one, high), (other, low) in pairs if high - low > gap]
