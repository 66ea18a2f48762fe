"""Failure mining: which questions a model still gets wrong, judged from graded attempts.

Owns the rule. Must not know how attempts are made or graded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from cotspec.cot.grading_rules import Grade

Keep = Literal["all_wrong", "any_wrong"]


def is_failure(correct: Sequence[bool], keep: Keep) -> bool:
    """Whether a question counts as failed: `all_wrong` or `any_wrong` of its attempts are.

    Raises ValueError without attempts: a question nobody tried is neither a success nor a failure.
    """
    if not correct:
        raise ValueError("a question without attempts cannot be judged: generation returned nothing for it")
    match keep:
        case "all_wrong":
            return not any(correct)
        case "any_wrong":
            return not all(correct)
        case _:
            assert_never(keep)


@dataclass(frozen=True, kw_only=True, slots=True)
class MiningSummary:
    """Counts of a mining task."""

    questions: int
    """Questions that were tried."""
    failures: int
    """Questions that were kept."""
    attempts: int
    """Attempts over all questions."""
    correct_attempts: int
    """Attempts that were right."""
    ungradable_attempts: int
    """Attempts whose answer could not be compared with the gold answer; none of them counts as right."""
    by_correct: dict[str, int]
    """Number of right attempts (as text: it is a JSON key) → questions with that many, from none to all."""


def summarise(results: Iterable[Sequence[Grade]], keep: Keep) -> MiningSummary:
    """Counts over all questions' attempts. Raises ValueError for a question without attempts."""
    grades = [tuple(result) for result in results]
    graded = [[grade is Grade.RIGHT for grade in result] for result in grades]
    failures = sum(is_failure(result, keep) for result in graded)
    right = [sum(result) for result in graded]
    most = max(map(len, graded), default=-1)
    return MiningSummary(
        questions=len(graded),
        failures=failures,
        attempts=sum(map(len, graded)),
        correct_attempts=sum(right),
        ungradable_attempts=sum(result.count(Grade.UNGRADABLE) for result in grades),
        by_correct={str(count): right.count(count) for count in range(most + 1)},
    )
