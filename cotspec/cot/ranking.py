"""How a reward orders the completions of one prompt: what is left of it where only the order counts.

With two completions a group, and advantages divided by the group's standard deviation, any two unequal rewards become
+0.707 and -0.707 (their distance from the mean, over √2 times it). Knows no rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations, product
from typing import Final, NamedTuple

from cotspec.cot import witness
from cotspec.cot.expr import interval as iv
from cotspec.cot.limits import TEACHER
from cotspec.cot.reward_bounds import Analysis, weight
from cotspec.cot.witness import Shown

MOST: Final = 24
"""Completions of a prompt that are compared with each other."""


class Order(NamedTuple):
    """What is left of a reward where only the order counts."""

    graded: bool
    """Whether there are three different rewards or more for one prompt, so that how far apart they are would count."""
    deciding: frozenset[str]
    """Terms without which some two completions are ordered otherwise."""
    idle: frozenset[str]
    """Terms that are proven to change no order."""


@lru_cache(maxsize=256)
def order(analysis: Analysis) -> Order:
    """The order a reward makes."""
    pools = list(_pools(analysis))
    names = [term.name for term in analysis.reward.terms]
    idle = frozenset(name for name in names if _idle(analysis, name))
    return Order(
        graded=any(len({one.total for one in found}) > 2 for found in pools),
        deciding=frozenset(name for name in names if name not in idle and _decides(name, pools)),
        idle=idle,
    )


def _pools(analysis: Analysis) -> Iterator[list[Shown]]:
    """Scored completions, right and wrong, in and out of form, one list a prompt."""
    for teacher in witness.ends(analysis.limits):
        one: list[Shown] = []
        for correct, formatted in product((True, False), (True, False)):
            found = list(witness.completions(analysis, teacher, correct=correct, formatted=formatted))
            step = max(1, -(-len(found) // (MOST // 2 if correct and formatted else MOST // 6)))
            one += witness.scored(analysis, iter(found[::step]))
        yield one


def _decides(name: str, pools: list[list[Shown]]) -> bool:
    """Whether some two completions of a prompt are ordered otherwise without a term."""
    return any(
        _sign(a.total, b.total) != _sign(_without(a, name), _without(b, name))
        for found in pools
        for a, b in combinations(found, 2)
    )


def _idle(analysis: Analysis, name: str) -> bool:
    """Whether it is proven that a term never changes an order: it is the same for all that get past the gates, and
    these stand on the same side of every gate's reward without it."""
    nodes = {term: node for term, node, _ in analysis.compiled.terms}
    value, ramp = analysis.terms[name], next(t.weight for t in analysis.reward.terms if t.name == name)
    if value is None or not (value.fixed or nodes[name].reads <= set(TEACHER)):
        return False
    gates = [gate.reward for gate, reach in zip(analysis.reward.gates, analysis.gates, strict=True) if reach.fails]
    if not gates:
        return True
    for at in analysis.ends():
        whole = analysis.sum(analysis.terms, at)
        own = iv.times(iv.point(weight(ramp, at)), value)
        without = None if whole is None or own is None else iv.minus(whole, own)
        if whole is None or without is None or not value.fixed:
            return False
        low, high = min(whole.low, without.low), max(whole.high, without.high)
        if any(low <= gate <= high for gate in gates):
            return False
    return True


def _without(one: Shown, name: str) -> float:
    return one.total - one.score.terms.get(name, 0.0)


def _sign(a: float, b: float) -> int:
    """The order of two rewards; what differs by roundings only is equal."""
    return 0 if abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b)) else 1 if a > b else -1
