"""What is known of the values behind names at one place of an expression: a box of intervals, and facts beside it.

Owns joining, meeting and remembering. Must not know how an expression is computed, nor what a name measures: relations
between names (`words` is at most `tokens`) come from the caller as `settle`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from cotspec.cot.expr.interval import Interval, hull, meet

Key = tuple[str, ...]
"""A computed part: its text, or `("-", a, b)` for a difference of two texts."""
Settle = Callable[[dict[str, Interval]], bool]
"""Tightens the intervals of names that depend on each other, in place; False when they contradict each other."""


@dataclass(frozen=True, slots=True)
class World:
    """One state of knowledge. Facts speak of computed parts, which no interval of a single name could tell."""

    ranges: Mapping[str, Interval]
    facts: Mapping[Key, Interval] = field(default_factory=dict)
    known: dict[ast.expr, Interval | None] = field(default_factory=dict, compare=False, repr=False)
    """Values of `let` expressions already worked out in this world."""

    def with_range(self, name: str, value: Interval, settle: Settle) -> World | None:
        """The same, knowing more of one name; None when that cannot be."""
        both = meet(self.ranges[name], value)
        if both is None:
            return None
        if both == self.ranges[name]:
            return self
        ranges = {**self.ranges, name: both}
        return World(ranges, self.facts) if settle(ranges) else None

    def with_fact(self, key: Key, value: Interval) -> World | None:
        """The same, knowing more of one computed part; None when that cannot be."""
        old = self.facts.get(key)
        both = value if old is None else meet(old, value)
        if both is None:
            return None
        return self if both == old else World(self.ranges, {**self.facts, key: both})


def joined(worlds: Iterable[World | None]) -> World | None:
    """What holds in each of them."""
    found = [world for world in worlds if world is not None]
    if len(found) < 2:
        return found[0] if found else None
    ranges: dict[str, Interval] = {}
    for name in found[0].ranges:
        around = hull(world.ranges[name] for world in found)
        if around is not None:
            ranges[name] = around
    shared = set(found[0].facts).intersection(*(world.facts for world in found[1:]))
    facts = {key: around for key in shared if (around := hull(world.facts[key] for world in found)) is not None}
    return World(ranges, facts)
