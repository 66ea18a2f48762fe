"""Syntax tree → checked, runnable node: the type rules of the language, and the folding of constants.

Checking and compiling are one walk, so what passes the check can run by construction. Only the node types named here
exist; all others are refused by default. A part with a problem gives None and stays silent above.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence

from cotspec.cot.expr import operations as ops
from cotspec.cot.expr.errors import Problem, UnscorableError, closest
from cotspec.cot.expr.node import Kind, Node, Symbol
from cotspec.cot.expr.operations import Run
from cotspec.cot.expr.parsing import Parsed

#: Deepest chain of closures, `let` names included; Python's own limit on frames is far above.
MAX_CLOSURES = 300

#: Function → fewest and most arguments (`curve` is apart).
_ARITY: Mapping[str, tuple[int, int | None]] = {
    "min": (2, None),
    "max": (2, None),
    "abs": (1, 1),
    "clip": (3, 3),
    "exp": (1, 1),
    "log": (1, 1),
    "sqrt": (1, 1),
}
FUNCTION_NAMES = frozenset(_ARITY) | {"curve"}


class Walk:
    """One walk over one expression; collects problems.

    `later` are `let` names not defined yet: the expression's own and those further down.
    """

    def __init__(self, parsed: Parsed, scope: Mapping[str, Symbol], later: frozenset[str] = frozenset()) -> None:
        self.parsed, self.scope, self.later = parsed, scope, later
        self.problems: list[Problem] = []

    def node(self, tree: ast.expr) -> Node | None:
        """Check and build one node."""
        match tree:
            case ast.Constant():
                return self._constant(tree)
            case ast.Name() | ast.Attribute():
                return self._name(tree)
            case ast.UnaryOp(op=ast.Not()):
                return self._not(tree)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                return self._sign(tree)
            case ast.BinOp():
                return self._arithmetic(tree)
            case ast.BoolOp():
                return self._joined(tree)
            case ast.Compare():
                return self._compare(tree)
            case ast.IfExp():
                return self._if(tree)
            case ast.Call():
                return self._call(tree)
            case _:
                self._refused(tree)
                return None

    def wanted(self, tree: ast.expr, kind: Kind, by: str) -> Node | None:
        """A node that must be of one kind, because `by` needs it."""
        node = self.node(tree)
        if node is None or node.kind == kind:
            return node
        text = self.parsed.source(tree)
        if kind == "number":
            self.say(tree, f"`{text}` is a condition, and {by} needs a number", help=f"write `(1 if {text} else 0)`")
        else:
            self.say(tree, f"`{text}` is a number, and {by} needs a condition", help=f"compare it, as in `{text} > 0`")
        return None

    def say(self, tree: ast.expr, message: str, *, suggestion: str = "", help: str = "") -> None:
        """Note a problem at a node."""
        column, length = self.parsed.column(tree), self.parsed.length(tree)
        self.problems.append(Problem(column, message, suggestion, help, length))

    # --- leaves ---

    def _constant(self, tree: ast.Constant) -> Node | None:
        if isinstance(tree.value, bool) or not isinstance(tree.value, int | float):
            self._refused(tree)
            return None
        try:
            value = float(tree.value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            self.say(tree, f"`{self.parsed.source(tree)}` is too large a number")
            return None
        return Node("number", ops.constant(value), constant=value)

    def _name(self, tree: ast.Name | ast.Attribute) -> Node | None:
        """A name, or one of several parts: the text has made sure that a dot stands between parts of a name only."""
        name = tree.id if isinstance(tree, ast.Name) else ast.unparse(tree)
        symbol = self.scope.get(name)
        if symbol is not None:
            if symbol.kind is None:
                return None
            names = frozenset({name})
            return Node(symbol.kind, symbol.run, reads=symbol.reads, names=names, depth=symbol.depth)
        if name in FUNCTION_NAMES:
            self.say(tree, f"`{name}` is a function", help=f"give it arguments: `{name}(…)`")
            return None
        if name in self.later:
            self.say(tree, f"`{name}` is not defined yet", help="a `let` name may use only those above it")
            return None
        close = closest(name, self.scope)
        whose = name.rpartition(".")[0] + "."
        own = sorted(known for known in self.scope if known.startswith(whose))
        help = "" if close else "there is " + ", ".join(own or sorted(self.scope))
        self.say(tree, f"there is no measure `{name}`", suggestion=close, help=help)
        return None

    # --- operators ---

    def _not(self, tree: ast.UnaryOp) -> Node | None:
        part = self.wanted(tree.operand, "condition", "`not`")
        return None if part is None else self._built(tree, "condition", ops.inverted(part.run), [part])

    def _sign(self, tree: ast.UnaryOp) -> Node | None:
        minus = isinstance(tree.op, ast.USub)
        part = self.wanted(tree.operand, "number", "`-`" if minus else "`+`")
        if part is None:
            return None
        return self._built(tree, "number", ops.negated(part.run) if minus else part.run, [part])

    def _arithmetic(self, tree: ast.BinOp) -> Node | None:
        operator = ops.ARITHMETIC.get(type(tree.op).__name__)
        if operator is None:
            self._refused(tree)
            return None
        sign, call = operator
        left = self.wanted(tree.left, "number", f"`{sign}`")
        right = self.wanted(tree.right, "number", f"`{sign}`")
        if left is None or right is None:
            return None
        text = self.parsed.source(tree)
        if right.constant == 0.0 and sign in ("/", "//", "%"):
            self.say(tree, f"`{text}` divides by zero")
            return None
        return self._built(tree, "number", ops.binary(call, left.run, right.run, text), [left, right])

    def _joined(self, tree: ast.BoolOp) -> Node | None:
        both = isinstance(tree.op, ast.And)
        parts = self._all([self.wanted(part, "condition", "`and`" if both else "`or`") for part in tree.values])
        if parts is None:
            return None
        runs = [part.run for part in parts]
        return self._built(tree, "condition", ops.every(runs) if both else ops.some(runs), parts)

    def _compare(self, tree: ast.Compare) -> Node | None:
        operators = [ops.COMPARISONS.get(type(op).__name__) for op in tree.ops]
        trees = [tree.left, *tree.comparators]
        parts = self._all([self.node(part) for part in trees])
        if parts is None:
            return None
        calls = [pair for pair in operators if pair is not None]
        if len(calls) < len(operators):
            self._refused(tree)
            return None
        for (sign, _), at in zip(calls, range(len(calls)), strict=True):
            if not self._comparable(sign, parts[at : at + 2], trees[at : at + 2]):
                return None
        run = ops.compared([call for _, call in calls], [part.run for part in parts])
        return self._built(tree, "condition", run, parts)

    def _comparable(self, sign: str, parts: Sequence[Node], trees: Sequence[ast.expr]) -> bool:
        left, right = parts
        if left.kind != right.kind:
            odd = 0 if left.kind == "condition" else 1
            text = self.parsed.source(trees[odd])
            help = f"write `{text}` alone, or `not {text}`"
            self.say(trees[odd], f"`{sign}` compares the condition `{text}` with a number", help=help)
            return False
        if left.kind == "condition" and sign not in ("==", "!="):
            self.say(
                trees[0], f"`{sign}` compares numbers, and these are conditions", help="join them with `and`, `or`"
            )
            return False
        return True

    def _if(self, tree: ast.IfExp) -> Node | None:
        condition = self.wanted(tree.test, "condition", "`if`")
        branches = self._all([self.node(tree.body), self.node(tree.orelse)])
        if condition is None or branches is None:
            return None
        then, otherwise = branches
        if then.kind != otherwise.kind:
            message = f"one value of `if … else` is a {then.kind} and the other a {otherwise.kind}"
            self.say(tree.orelse, message, help="give both the same type")
            return None
        run = ops.choice(condition.run, then.run, otherwise.run)
        return self._built(tree, then.kind, run, [condition, then, otherwise])

    # --- functions ---

    def _call(self, tree: ast.Call) -> Node | None:
        if not isinstance(tree.func, ast.Name):
            self.say(tree.func, "only a named function can be called")
            return None
        name = tree.func.id
        if name not in FUNCTION_NAMES:
            self._unknown(tree.func, name)
            return None
        extra = [kw.value for kw in tree.keywords] + [arg for arg in tree.args if isinstance(arg, ast.Starred)]
        if extra:
            self.say(extra[0], f"`{name}` takes plain arguments in order")
            return None
        return self._curve(tree) if name == "curve" else self._function(tree, name)

    def _unknown(self, func: ast.Name, name: str) -> None:
        if name in self.scope:
            self.say(func, f"`{name}` is a value, not a function", help="to multiply, write `*`")
            return
        help = "the functions are " + ", ".join(sorted(FUNCTION_NAMES))
        self.say(func, f"there is no function `{name}`", suggestion=closest(name, FUNCTION_NAMES), help=help)

    def _function(self, tree: ast.Call, name: str) -> Node | None:
        least, most = _ARITY[name]
        count = len(tree.args)
        if count < least or (most is not None and count > most):
            number = f"{least} argument{'s' * (least > 1)}" if most else f"at least {least} arguments"
            self.say(tree, f"`{name}` takes {number}, and here are {count}")
            return None
        parts = self._all([self.wanted(arg, "number", f"`{name}`") for arg in tree.args])
        if parts is None:
            return None
        if name == "clip" and not self._limits(tree, parts[1].constant, parts[2].constant):
            return None
        runs, text = [part.run for part in parts], self.parsed.source(tree)
        call = ops.FUNCTIONS[name]
        if count == 1:
            run = ops.unary(call, runs[0], text)
        elif count == 2:
            run = ops.binary(call, runs[0], runs[1], text)
        else:
            run = ops.several(call, runs, text)
        return self._built(tree, "number", run, parts)

    def _limits(self, tree: ast.Call, low: float | None, high: float | None) -> bool:
        if low is None or high is None or low <= high:
            return True
        self.say(tree.args[1], f"the lower limit {low:g} is above the upper limit {high:g}")
        return False

    def _curve(self, tree: ast.Call) -> Node | None:
        if len(tree.args) < 3:
            help = "as in `curve(words, [10, 1.0], [100, 0])`"
            self.say(tree, "`curve` takes a number and at least two points", help=help)
            return None
        value = self.wanted(tree.args[0], "number", "`curve`")
        points = [point for arg in tree.args[1:] if (point := self._point(arg)) is not None]
        if value is None or len(points) < len(tree.args) - 1 or not self._rising(points, tree.args[1:]):
            return None
        return self._built(tree, "number", ops.curve(value.run, points), [value])

    def _point(self, tree: ast.expr) -> tuple[float, float] | None:
        if not isinstance(tree, ast.List) or len(tree.elts) != 2:
            self.say(tree, "a point of a curve is written `[x, y]`")
            return None
        parts = self._all([self.wanted(part, "number", "a point") for part in tree.elts])
        if parts is None:
            return None
        x, y = parts[0].constant, parts[1].constant
        if x is None or y is None:
            self.say(tree, "the points of a curve are fixed numbers", help="compute the first argument instead")
            return None
        return x, y

    def _rising(self, points: Sequence[tuple[float, float]], trees: Sequence[ast.expr]) -> bool:
        for (x0, y0), (x1, y1), tree in zip(points, points[1:], trees[1:], strict=False):
            if not x0 < x1:
                self.say(tree, f"the x of a curve's points must rise, and {x1:g} follows {x0:g}")
                return False
            if not all(map(math.isfinite, (x1 - x0, y1 - y0, (y1 - y0) / (x1 - x0)))):
                self.say(tree, "this point is too far from the one before, or too near, to compute with")
                return False
        return True

    # --- shared ---

    def _all(self, parts: Sequence[Node | None]) -> list[Node] | None:
        whole = [part for part in parts if part is not None]
        return whole if len(whole) == len(parts) else None

    def _built(self, tree: ast.expr, kind: Kind, run: Run, parts: Sequence[Node]) -> Node | None:
        depth = 1 + max(part.depth for part in parts)
        reads = frozenset[str]().union(*(part.reads for part in parts))
        names = frozenset[str]().union(*(part.names for part in parts))
        if depth > MAX_CLOSURES:
            self.say(tree, f"with its `let` names, more than {MAX_CLOSURES} operations stand inside one another")
            return None
        if any(part.constant is None for part in parts):
            return Node(kind, run, reads=reads, names=names, depth=depth)
        try:
            value = run({})
        except UnscorableError as error:
            self.say(tree, f"{error}")
            return None
        return Node(kind, ops.constant(value), constant=value)

    def _refused(self, tree: ast.expr) -> None:
        help = "use measures, numbers, + - * / // % **, comparisons, and/or/not, if/else and the listed functions"
        self.say(tree, f"`{self.parsed.source(tree)}` is not part of the language", help=help)
