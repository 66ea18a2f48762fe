"""The interval of a checked expression: values it can have in a world, what can go wrong, which branches are taken.

An abstract interpreter over the syntax tree of `text`: every operation on intervals, `if` and `and`/`or` with what
their conditions say about the names (`narrow`). Sound: the value of an expression that has one lies in its interval,
and a branch that is not taken here is never taken. Only for expressions that `read` accepts. Knows no rewards.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Final, Literal, assert_never

from cotspec.cot.expr import interval as iv
from cotspec.cot.expr import operations as ops
from cotspec.cot.expr.interval import Interval
from cotspec.cot.expr.narrow import Narrow
from cotspec.cot.expr.text import Parsed
from cotspec.cot.expr.world import Key, Settle, World

#: Parts of expressions looked at before giving up: conditions inside conditions cost twice as much a level.
MAX_WORK: Final = 20_000

FaultKind = Literal["zero", "log", "sqrt", "power", "limits", "large"]


class TooHardError(Exception):
    """An expression whose bounds would take too long: nothing is said about it."""


class Bounds:
    """Bounds of expressions that share their `let` names; collects faults and branches over all that it is asked."""

    def __init__(self, lets: Mapping[str, Parsed], settle: Settle) -> None:
        self.lets, self.settle = lets, settle
        self.faults: dict[ast.expr, set[FaultKind]] = {}
        """Parts that may have no value in a world they were looked at in."""
        self.taken: dict[ast.IfExp, set[bool]] = {}
        """Branches that may be taken: True is the value before `if`."""
        self.work = 0
        self._texts: dict[ast.expr, str] = {}
        for parsed in lets.values():
            self.learn(parsed)
        self._narrow = Narrow(self)

    def learn(self, parsed: Parsed) -> None:
        """Take in an expression; to be done before anything else is asked about it."""
        line = parsed.line
        for node in ast.walk(parsed.tree):
            if isinstance(node, ast.expr):
                self._texts[node] = " ".join(line[node.col_offset : node.end_col_offset].split())

    def text(self, tree: ast.expr) -> str:
        """The text of a part: the same text is the same value."""
        return self._texts[tree]

    def key(self, tree: ast.expr) -> Key:
        """What facts call a part."""
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Sub):
            return ("-", self._texts[tree.left], self._texts[tree.right])
        return (self._texts[tree],)

    def tick(self) -> None:
        """Count one piece of work. Raises TooHardError when it is too much."""
        self.work += 1
        if self.work > MAX_WORK:
            raise TooHardError

    def where(self, tree: ast.expr, value: Interval, world: World) -> World | None:
        """The world in which the part has one of these values; None when it never has."""
        return self._narrow.to(tree, value, world)

    def value(self, tree: ast.expr, world: World) -> Interval | None:
        """The values the part can have; None when it can have none."""
        self.tick()
        found = self._value(tree, world)
        if found is None or not world.facts:
            return found
        fact = world.facts.get(self.key(tree))
        return found if fact is None else iv.meet(found, fact)

    # --- one kind of part each ---

    def _value(self, tree: ast.expr, world: World) -> Interval | None:
        match tree:
            case ast.Constant(value=int() | float() as number):
                return iv.point(float(number))
            case ast.Name(id=name):
                return self._name(name, world)
            case ast.UnaryOp():
                return self._unary(tree, world)
            case ast.BinOp():
                return self._arithmetic(tree, world)
            case ast.BoolOp():
                return self._joined(tree, world)
            case ast.Compare():
                return self._compare(tree, world)
            case ast.IfExp():
                return self._if(tree, world)
            case ast.Call():
                return self._call(tree, world)
            case _:
                raise TooHardError

    def _name(self, name: str, world: World) -> Interval | None:
        if name not in self.lets:
            return world.ranges[name]
        body = self.lets[name].tree
        if body not in world.known:
            world.known[body] = self.value(body, world)
        return world.known[body]

    def _unary(self, tree: ast.UnaryOp, world: World) -> Interval | None:
        part = self.value(tree.operand, world)
        if part is None or isinstance(tree.op, ast.UAdd):
            return part
        if isinstance(tree.op, ast.USub):
            return iv.negated(part)
        return Interval(1.0 - part.high, 1.0 - part.low, True)

    def _arithmetic(self, tree: ast.BinOp, world: World) -> Interval | None:
        left, right = self.value(tree.left, world), self.value(tree.right, world)
        if left is None or right is None:
            return None
        sign = ops.ARITHMETIC[type(tree.op).__name__][0]
        if sign in ("/", "//", "%") and right.holds(0.0):
            self.fault(tree, "zero")
        if sign == "**":
            self._power_faults(tree, left, right)
        found = _ARITHMETIC[sign](left, right)
        # Where a part has no value, bounds are as wide as can be and say nothing of size.
        if tree not in self.faults and not _endless(left) and not _endless(right):
            self._large(tree, found)
        return found

    def _power_faults(self, tree: ast.BinOp, base: Interval, exponent: Interval) -> None:
        if base.holds(0.0) and exponent.low < 0.0:
            self.fault(tree, "zero")
        if base.low < 0.0 and not exponent.whole:
            self.fault(tree, "power")

    def _large(self, tree: ast.expr, found: Interval | None) -> None:
        if found is None or _endless(found):
            self.fault(tree, "large")

    def _joined(self, tree: ast.BoolOp, world: World) -> Interval | None:
        """`and` stops at the first false part, `or` at the first true one; the next part knows that it did not."""
        stop, go_on = (iv.FALSE, iv.TRUE) if isinstance(tree.op, ast.And) else (iv.TRUE, iv.FALSE)
        stopped, rest = False, world
        for part in tree.values:
            found = self.value(part, rest)
            if found is None:
                return stop if stopped else None
            stopped = stopped or found.holds(stop.low)
            left = self.where(part, go_on, rest) if found.holds(go_on.low) else None
            if left is None:
                return stop if stopped else None
            rest = left
        return iv.EITHER if stopped else go_on

    def _compare(self, tree: ast.Compare, world: World) -> Interval | None:
        trees = [tree.left, *tree.comparators]
        can, must = True, True
        for at, op in enumerate(tree.ops):
            found = self.compared(trees[at], op, trees[at + 1], world)
            if found is None:
                return iv.FALSE if not must else None
            can, must = can and found.high == 1.0, must and found.low == 1.0
            if not can:
                break
        return iv.truth(true=can, false=not must)

    def compared(self, left: ast.expr, op: ast.cmpop, right: ast.expr, world: World) -> Interval | None:
        """One comparison, by the difference of its sides, about which facts may say more than the sides do."""
        a, b = self.value(left, world), self.value(right, world)
        if a is None or b is None:
            return None
        apart = iv.minus(a, b)
        fact = world.facts.get(("-", self.text(left), self.text(right)))
        if apart is None:  # further apart than the largest float
            apart = iv.point(iv.EVERY.high if a.low > b.high else iv.EVERY.low)
        elif fact is not None:
            apart = iv.meet(apart, fact)
        return None if apart is None else _against_zero(op, apart)

    def _if(self, tree: ast.IfExp, world: World) -> Interval | None:
        test = self.value(tree.test, world)
        if test is None:
            return None
        found = []
        for branch, body, wanted in ((True, tree.body, iv.TRUE), (False, tree.orelse, iv.FALSE)):
            inside = self.where(tree.test, wanted, world) if test.holds(wanted.low) else None
            if inside is not None:
                self.taken.setdefault(tree, set()).add(branch)
                found.append(self.value(body, inside))
        return iv.hull(found)

    def _call(self, tree: ast.Call, world: World) -> Interval | None:
        name = tree.func.id if isinstance(tree.func, ast.Name) else ""
        if name == "curve":
            part = self.value(tree.args[0], world)
            return None if part is None else _curve(tree, part)
        parts = [self.value(arg, world) for arg in tree.args]
        known = [part for part in parts if part is not None]
        return self._function(tree, name, known) if len(known) == len(parts) else None

    def _function(self, tree: ast.Call, name: str, parts: list[Interval]) -> Interval | None:
        match name:
            case "min":
                return iv.least(parts)
            case "max":
                return iv.greatest(parts)
            case "abs":
                return iv.magnitude(parts[0])
            case "clip":
                if parts[1].high > parts[2].low:
                    self.fault(tree, "limits")
                return iv.clipped(*parts) if parts[1].low <= parts[2].high else None
            case "log":
                if parts[0].low <= 0.0:
                    self.fault(tree, "log")
                return iv.logarithm(parts[0])
            case "sqrt":
                if parts[0].low < 0.0:
                    self.fault(tree, "sqrt")
                return iv.root(parts[0])
            case "exp":
                found = iv.exponential(parts[0])
                self._large(tree, found)
                return found
            case _:
                raise TooHardError

    def fault(self, tree: ast.expr, kind: FaultKind) -> None:
        """Note that a part may have no value."""
        self.faults.setdefault(tree, set()).add(kind)


_ARITHMETIC: Mapping[str, Callable[[Interval, Interval], Interval | None]] = {
    "+": iv.plus,
    "-": iv.minus,
    "*": iv.times,
    "/": iv.over,
    "//": iv.floor_over,
    "%": iv.remainder,
    "**": iv.power,
}


def _endless(found: Interval) -> bool:
    return found.high >= iv.EVERY.high or found.low <= iv.EVERY.low


def _against_zero(op: ast.cmpop, apart: Interval) -> Interval | None:
    low, high = apart.low, apart.high
    sign: Literal["<", "<=", ">", ">=", "==", "!="] = _SIGNS[type(op)]
    match sign:
        case "<":
            return iv.truth(true=low < 0.0, false=high >= 0.0)
        case "<=":
            return iv.truth(true=low <= 0.0, false=high > 0.0)
        case ">":
            return iv.truth(true=high > 0.0, false=low <= 0.0)
        case ">=":
            return iv.truth(true=high >= 0.0, false=low < 0.0)
        case "==":
            return iv.truth(true=apart.holds(0.0), false=low < 0.0 or high > 0.0)
        case "!=":
            return iv.truth(true=low < 0.0 or high > 0.0, false=apart.holds(0.0))
        case _:
            assert_never(sign)


_SIGNS: Mapping[type[ast.cmpop], Literal["<", "<=", ">", ">=", "==", "!="]] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


def _curve(tree: ast.Call, part: Interval) -> Interval | None:
    points = [(_number(arg.elts[0]), _number(arg.elts[1])) for arg in tree.args[1:] if isinstance(arg, ast.List)]
    run = ops.curve(lambda env: env["x"], points)
    return iv.piecewise(part, points, lambda x: run({"x": x}))


def _number(tree: ast.expr) -> float:
    """A point's number, which `read` has made sure is a constant (perhaps written as a sum)."""
    found = Bounds({}, lambda _: True).value(tree, World({}))
    if found is None or not found.fixed:
        raise TooHardError
    return found.low
