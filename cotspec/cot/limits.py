"""The values measures can have together: what a spec's limits and the rules of `measures` say before anything is run.

Owns the limits, how measures depend on each other, and samples of typical responses. Must not know rewards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from cotspec.cot.expr.interval import EITHER, Interval, meet

Measures = dict[str, bool | int | float]

TEACHER: Final = ("teacher_steps", "teacher_words", "teacher_tokens")
"""Measures of the prompt: the same for every completion of a group."""

#: smaller → larger: a step is at least a word, a word at least a token.
_ORDER: Final = (("steps", "words"), ("words", "tokens"), TEACHER[:2], TEACHER[1:])


class Limits(NamedTuple):
    """What a spec says about the sizes of responses and teacher traces."""

    tokens: int
    """Longest completion."""
    teacher_tokens: int
    """Longest trace."""
    teacher_steps: tuple[int, int]
    """Fewest and most steps of a kept trace."""
    teacher_says: bool = True
    """Whether a kept trace always says something: it was checked to be right, or has a step."""

    def ranges(self) -> dict[str, Interval]:
        """Each measure on its own."""
        least, most = self.teacher_steps
        says = 1.0 if self.teacher_says else 0.0
        found = {
            "correct": EITHER,
            "formatted": EITHER,
            "steps": _whole(0, self.tokens),
            "words": _whole(0, self.tokens),
            "tokens": _whole(1, self.tokens),  # the end-of-sequence token is counted
            "teacher_steps": _whole(least, min(most, self.teacher_tokens)),
            "teacher_words": _whole(max(says, least), self.teacher_tokens),
            "teacher_tokens": _whole(max(1, least), self.teacher_tokens),
        }
        settle(found)
        return found


def _whole(low: float, high: float) -> Interval:
    return Interval(float(low), float(max(low, high)), True)


def settle(ranges: dict[str, Interval]) -> bool:
    """Tighten measures by each other, in place; False when no response has such measures.

    A token holds at most one word and a step at least one. An answer, right or in its form, takes a word; the form
    also takes a step.
    """
    for _ in range(2):  # along the chain and back
        before = ranges.copy()
        for small, large in _ORDER:
            if not _limit(ranges, small, high=ranges[large].high) or not _limit(ranges, large, low=ranges[small].low):
                return False
        for small, large in reversed(_ORDER):
            if not _limit(ranges, small, high=ranges[large].high):
                return False
        if not _implies(ranges, "formatted", "steps") or not _implies(ranges, "correct", "words"):
            return False
        if ranges == before:
            return True
    return True


def _limit(ranges: dict[str, Interval], name: str, low: float = -math.inf, high: float = math.inf) -> bool:
    if low <= ranges[name].low and ranges[name].high <= high:
        return True
    found = meet(ranges[name], Interval(low, high))
    if found is not None:
        ranges[name] = found
    return found is not None


def _implies(ranges: dict[str, Interval], condition: str, name: str) -> bool:
    """A true condition needs at least one of what the measure counts."""
    if ranges[condition].low == 1.0:
        return _limit(ranges, name, low=1.0)
    return ranges[name].high >= 1.0 or _limit(ranges, condition, high=0.0)


def possible(measures: Mapping[str, float]) -> bool:
    """Whether one response can have these measures."""
    return settle({name: Interval(float(value), float(value), True) for name, value in measures.items()})


def around(values: Iterable[float], span: Interval) -> list[int]:
    """Whole numbers within `span` at and next to each value."""
    near = {math.floor(value) + step for value in values if abs(value) < 1e9 for step in (-1, 0, 1, 2)}
    return sorted(value for value in near if span.holds(value))
