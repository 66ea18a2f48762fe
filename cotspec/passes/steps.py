"""Numbers of steps that a spec lets its traces have, for rules that say at which of them a mask fails."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cotspec.passes.check.context import Context

LONGEST: Final = 32
"""Steps of the longest trace that is thought of."""


def step_counts(context: Context) -> range:
    """Numbers of steps the kept traces can have: from `keep.steps`, at least 1, at most LONGEST."""
    bounds = context.experiment.teach.keep.steps
    most = LONGEST if bounds.at_most is None else min(bounds.at_most, LONGEST)
    return range(max(1, bounds.at_least), most + 1)


def worded(counts: Iterable[int]) -> str:
    """`2`, `2 or 3`, `2 to 5`, `2, 4 or 7`; `4 or more` when they reach LONGEST."""
    known = sorted(counts)
    low, high = known[0], known[-1]
    if len(known) != high - low + 1:
        return ", ".join(map(str, known[:-1])) + f" or {high}"
    if high == LONGEST:
        return f"{low} or more"
    return f"{low}" if low == high else f"{low} or {high}" if high == low + 1 else f"{low} to {high}"
