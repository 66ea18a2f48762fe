"""From what a part of an expression is known to be, back to the names in it: `words - 10 > 0` says `words >= 11`.

Sound: a world that is left out cannot give the part such a value. Ends that come out of a calculation are moved
outwards by more than its roundings; ends that come straight from a comparison are exact.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from cotspec.cot.expr import interval as iv
from cotspec.cot.expr.interval import Interval
from cotspec.cot.expr.text import Parsed
from cotspec.cot.expr.world import Key, Settle, World, joined

_SLACK: Final = 1e-12


class Valuer(Protocol):
    """What is needed of `bounds.Bounds`."""

    @property
    def lets(self) -> Mapping[str, Parsed]:
        """Expressions by `let` name."""

    @property
    def settle(self) -> Settle:
        """How names depend on each other."""

    def tick(self) -> None:
        """Count one piece of work."""

    def value(self, tree: ast.expr, world: World) -> Interval | None:
        """The values of a part."""

    def compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr, world: World) -> Interval | None:
        """A comparison of two parts."""

    def text(self, tree: ast.expr) -> str:
        """The text of a part."""

    def key(self, tree: ast.expr) -> Key:
        """What facts call a part."""


class Narrow:
    """Narrows worlds, with the values it is given."""

    def __init__(self, values: Valuer) -> None:
        self._values = values

    def to(self, tree: ast.expr, target: Interval, world: World) -> World | None:
        """The world in which `tree` is within `target`; None when it never is."""
        self._values.tick()
        match tree:
            case ast.Name(id=name) if name in self._values.lets:
                return self.to(self._values.lets[name].tree, target, world)
            case ast.Name(id=name):
                return world.with_range(name, target, self._values.settle)
            case ast.UnaryOp(op=ast.Not()):
                return self.to(tree.operand, Interval(1.0 - target.high, 1.0 - target.low, True), world)
            case ast.UnaryOp(op=ast.USub()):
                return self.to(tree.operand, iv.negated(target), world)
            case ast.UnaryOp():
                return self.to(tree.operand, target, world)
            case ast.BoolOp():
                return self._joined(tree, target, world)
            case ast.Compare():
                return self._compare(tree, target, world)
            case ast.IfExp():
                return self._if(tree, target, world)
            case _:
                return self._computed(tree, target, world)

    # --- conditions ---

    def _joined(self, tree: ast.BoolOp, target: Interval, world: World) -> World | None:
        if not target.fixed:
            return world
        go_on = iv.TRUE if isinstance(tree.op, ast.And) else iv.FALSE
        if target.low == go_on.low:
            return self._each(tree, go_on, world)
        stop = Interval(1.0 - go_on.low, 1.0 - go_on.low, True)
        stopped: list[World | None] = []
        rest: World | None = world
        for part in tree.values:
            if rest is None:
                break
            stopped.append(self.to(part, stop, rest))
            rest = self.to(part, go_on, rest)
        return joined(stopped)

    def _each(self, tree: ast.BoolOp, value: Interval, world: World) -> World | None:
        rest: World | None = world
        for part in tree.values:
            rest = None if rest is None else self.to(part, value, rest)
        return rest

    def _compare(self, tree: ast.Compare, target: Interval, world: World) -> World | None:
        if not target.fixed:
            return world
        trees, rest = [tree.left, *tree.comparators], world
        if target.low == 0.0:
            if len(tree.ops) > 1:
                return world
            return self._pair(trees[0], _OPPOSITE[type(tree.ops[0])](), trees[1], world)
        for at, op in enumerate(tree.ops):
            left = self._pair(trees[at], op, trees[at + 1], rest)
            if left is None:
                return None
            rest = left
        return rest

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr, world: World) -> World | None:
        """The world in which a comparison holds."""
        holds = self._values.compared(left, op, right, world)
        if holds is None or holds.high == 0.0:
            return None
        match op:
            case ast.Lt() | ast.LtE():
                return self._below(left, right, world, strict=isinstance(op, ast.Lt))
            case ast.Gt() | ast.GtE():
                return self._below(right, left, world, strict=isinstance(op, ast.Gt))
            case ast.Eq():
                return self._equal(left, right, world)
            case _:
                return self._unequal(left, right, world)

    def _below(self, small: ast.expr, large: ast.expr, world: World, *, strict: bool) -> World | None:
        low, high = self._values.value(small, world), self._values.value(large, world)
        if low is None or high is None:
            return None
        top, bottom = (iv.pred(high.high), iv.succ(low.low)) if strict else (high.high, low.low)
        found: World | None = self.to(small, Interval(-math.inf, top), world)
        found = None if found is None else self.to(large, Interval(bottom, math.inf), found)
        least = iv.succ(0.0) if strict else 0.0
        return None if found is None else self._apart(small, large, least, found)

    def _apart(self, small: ast.expr, large: ast.expr, least: float, world: World) -> World | None:
        """Remember that `large - small` is at least so much: of two floats that differ, the difference is not 0."""
        a, b = self._values.text(small), self._values.text(large)
        found = world.with_fact(("-", b, a), Interval(least, math.inf))
        return None if found is None else found.with_fact(("-", a, b), Interval(-math.inf, -least))

    def _equal(self, left: ast.expr, right: ast.expr, world: World) -> World | None:
        a, b = self._values.value(left, world), self._values.value(right, world)
        both = None if a is None or b is None else iv.meet(a, b)
        found = None if both is None else self.to(left, both, world)
        return None if found is None or both is None else self.to(right, both, found)

    def _unequal(self, left: ast.expr, right: ast.expr, world: World) -> World | None:
        a, b = self._values.value(left, world), self._values.value(right, world)
        if a is None or b is None:
            return None
        found: World | None = world
        for tree, mine, other in ((left, a, b), (right, b, a)):
            if found is not None and other.fixed and other.low in (mine.low, mine.high):
                low = iv.succ(mine.low) if mine.low == other.low else mine.low
                high = iv.pred(mine.high) if mine.high == other.low else mine.high
                found = self.to(tree, Interval(low, high), found) if low <= high else None
        return found

    def _if(self, tree: ast.IfExp, target: Interval, world: World) -> World | None:
        cases: list[World | None] = []
        for body, wanted in ((tree.body, iv.TRUE), (tree.orelse, iv.FALSE)):
            inside = self.to(tree.test, wanted, world)
            cases.append(None if inside is None else self.to(body, target, inside))
        return joined(cases)

    # --- numbers ---

    def _computed(self, tree: ast.expr, target: Interval, world: World) -> World | None:
        value = self._values.value(tree, world)
        both = None if value is None else iv.meet(value, target)
        if both is None or both == value:
            return None if both is None else world
        found = world.with_fact(self._values.key(tree), both)
        if found is None:
            return None
        match tree:
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
                return self._operands(tree, both, found)
            case ast.Call(func=ast.Name(id="min" | "max" as name)):
                return self._extreme(tree, name, both, found)
            case _:
                return found

    def _operands(self, tree: ast.BinOp, target: Interval, world: World) -> World | None:
        found: World | None = world
        for part, other, back in _SOLVED[type(tree.op)](tree.left, tree.right):
            known = None if found is None else self._values.value(other, found)
            if found is None or known is None:
                return None
            solved = back(target, known)
            if solved is not None:
                found = self.to(part, _eased(solved, target, known), found)
        return found

    def _extreme(self, tree: ast.Call, name: str, target: Interval, world: World) -> World | None:
        """The smallest is at least as much as …: then all are."""
        end = Interval(target.low, math.inf) if name == "min" else Interval(-math.inf, target.high)
        found: World | None = world
        for arg in tree.args:
            found = None if found is None else self.to(arg, end, found)
        return found


_OPPOSITE: Final[Mapping[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}

Back = Callable[[Interval, Interval], Interval | None]
"""(the result, the other operand) → the operand, or None when nothing can be said."""
Solved = Callable[[ast.expr, ast.expr], tuple[tuple[ast.expr, ast.expr, Back], ...]]


def _by(target: Interval, other: Interval) -> Interval | None:
    return iv.over(target, other) if _ordinary(other) else None


def _divisor(target: Interval, dividend: Interval) -> Interval | None:
    return iv.over(dividend, target) if _ordinary(target) else None


def _ordinary(divisor: Interval) -> bool:
    """Far enough from 0 that a product with it does not vanish in the smallest floats."""
    return divisor.low > 1e-100 or divisor.high < -1e-100


_SOLVED: Final[Mapping[type[ast.operator], Solved]] = {
    ast.Add: lambda a, b: ((a, b, iv.minus), (b, a, iv.minus)),
    ast.Sub: lambda a, b: ((a, b, iv.plus), (b, a, lambda target, left: iv.minus(left, target))),
    ast.Mult: lambda a, b: ((a, b, _by), (b, a, _by)),
    ast.Div: lambda a, b: ((a, b, iv.times), (b, a, _divisor)),
}


def _eased(solved: Interval, *parts: Interval) -> Interval:
    """Room for the roundings of the calculation forth and back."""
    size = max(1e-188, *(abs(end) for part in (solved, *parts) for end in (part.low, part.high) if abs(end) < 1e300))
    slack = _SLACK * size
    return Interval(solved.low - slack, solved.high + slack)
