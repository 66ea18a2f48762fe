"""A right and a wrong answer to one question, of several tries. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cotspec.cot.judging import Grade


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
