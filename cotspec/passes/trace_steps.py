"""Numbers of steps that a spec lets its traces have, for rules that say at which of them a mask fails."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cotspec.ir import generations
from cotspec.passes.check.context import Context
from cotspec.spec.experiment import Stage

LONGEST: Final = 32
"""Steps of the longest trace that is thought of."""


def step_counts(context: Context, stage: Stage) -> range:
    """Numbers of steps the traces of a stage can have: from `keep.where`, at least 1, at most LONGEST."""
    bounds = kept(context, stage)
    most = LONGEST if bounds.at_most is None else min(bounds.at_most, LONGEST)
    return range(max(1, bounds.at_least), most + 1)


def kept(context: Context, stage: Stage) -> generations.Filter:
    """What is sure of the texts that a stage's rows are made of: of several sources, of all of them."""
    spec = context.experiment
    filters = [generations.filter_of(spec, generations.target_of(spec, each)) for each in stage.sources]
    mosts = [each.at_most for each in filters]
    known = [most for most in mosts if most is not None]
    return generations.Filter(
        correct=all(each.correct for each in filters),
        at_least=min(each.at_least for each in filters),
        at_most=max(known) if len(known) == len(mosts) else None,
    )


def worded(counts: Iterable[int]) -> str:
    """`2`, `2 or 3`, `2 to 5`, `2, 4 or 7`; `4 or more` when they reach LONGEST."""
    known = sorted(counts)
    low, high = known[0], known[-1]
    if len(known) != high - low + 1:
        return ", ".join(map(str, known[:-1])) + f" or {high}"
    if high == LONGEST:
        return f"{low} or more"
    return f"{low}" if low == high else f"{low} or {high}" if high == low + 1 else f"{low} to {high}"
