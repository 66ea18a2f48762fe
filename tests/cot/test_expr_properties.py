"""Properties of the expression language: Python is the oracle for what it computes, and no text can make it raise."""

from __future__ import annotations

import contextlib
import math
import warnings
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotspec.cot.expr import FUNCTION_NAMES, UnscorableError, check, read, scope_of

NAMES: dict[str, type] = {"correct": bool, "formatted": bool, "steps": int, "words": int, "teacher_words": float}


def finite(number: object) -> float:
    if not isinstance(number, float) or not math.isfinite(number):
        raise OverflowError
    return number


def reference_clip(x: float, low: float, high: float) -> float:
    if low > high:
        raise ValueError
    return min(max(x, low), high)


def reference_curve(x: float, *points: tuple[float, float]) -> float:
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= x < x1:
            return y0 + (y1 - y0) / (x1 - x0) * (x - x0)
    return points[0][1] if x < points[0][0] else points[-1][1]


REFERENCE = {
    "finite": finite,
    "clip": reference_clip,
    "curve": reference_curve,
    "min": min,
    "max": max,
    "abs": abs,
    "log": math.log,
    "exp": math.exp,
    "sqrt": math.sqrt,
}
#: (text in the language, text for Python's own `eval`), both drawn together.
Pair = tuple[str, str]


@st.composite
def literals(draw: st.DrawFn) -> Pair:
    if draw(st.booleans()):
        number = draw(st.integers(0, 12))
        return str(number), repr(float(number))
    text = repr(draw(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.5, 2.0, 33.3, 1e-5, 1e200])))
    return text, text


@st.composite
def numbers(draw: st.DrawFn, depth: int) -> Pair:
    shape = draw(st.sampled_from(["name", "literal"] if depth == 0 else ["name", "sign", "op", "op", "if", "call"]))
    if shape == "name":
        name = draw(st.sampled_from(["steps", "words", "teacher_words"]))
        return name, name
    if shape == "literal":
        return draw(literals())
    if shape == "sign":
        text, twin = draw(numbers(depth - 1))
        return f"(-{text})", f"(-({twin}))"
    if shape == "if":
        (a, a2), (c, c2), (b, b2) = draw(numbers(depth - 1)), draw(conditions(depth - 1)), draw(numbers(depth - 1))
        return f"(({a}) if {c} else {b})", f"(({a2}) if {c2} else {b2})"
    if shape == "op":
        (a, a2), (b, b2) = draw(numbers(depth - 1)), draw(numbers(depth - 1))
        op = draw(st.sampled_from(["+", "-", "*", "/", "//", "%", "**"]))
        return f"({a} {op} {b})", f"finite(({a2}) {op} ({b2}))"
    return draw(calls(depth))


@st.composite
def calls(draw: st.DrawFn, depth: int) -> Pair:
    name = draw(st.sampled_from(sorted(FUNCTION_NAMES)))
    if name == "curve":
        x, x2 = draw(numbers(depth - 1))
        xs = sorted(draw(st.sets(st.integers(-9, 9), min_size=2, max_size=5)))
        points = [(at, draw(st.sampled_from([-1.5, 0.0, 0.1, 2.0]))) for at in xs]
        ours = ", ".join(f"[{at}, {y}]" for at, y in points)
        theirs = ", ".join(f"({float(at)}, {y})" for at, y in points)
        return f"curve({x}, {ours})", f"curve({x2}, {theirs})"
    count = {"min": 2, "max": draw(st.integers(2, 4)), "clip": 3}.get(name, 1)
    parts = [draw(numbers(depth - 1)) for _ in range(count)]
    return f"{name}({', '.join(a for a, _ in parts)})", f"{name}({', '.join(b for _, b in parts)})"


@st.composite
def conditions(draw: st.DrawFn, depth: int) -> Pair:
    shape = draw(st.sampled_from(["name"] if depth == 0 else ["name", "not", "and", "or", "compare", "chain"]))
    if shape == "name":
        name = draw(st.sampled_from(["correct", "formatted"]))
        return name, name
    if shape == "not":
        text, twin = draw(conditions(depth - 1))
        return f"(not {text})", f"(not {twin})"
    if shape in ("and", "or"):
        (a, a2), (b, b2) = draw(conditions(depth - 1)), draw(conditions(depth - 1))
        return f"({a} {shape} {b})", f"({a2} {shape} {b2})"
    op = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    (a, a2), (b, b2), first = draw(numbers(depth - 1)), draw(numbers(depth - 1)), draw(op)
    if shape == "compare":
        return f"({a} {first} {b})", f"({a2} {first} {b2})"
    (c, c2), second = draw(numbers(depth - 1)), draw(op)
    return f"({a} {first} {b} {second} {c})", f"({a2} {first} {b2} {second} {c2})"


MEASURES = st.fixed_dictionaries(
    {
        "correct": st.booleans(),
        "formatted": st.booleans(),
        "steps": st.integers(0, 9).map(float),
        "words": st.integers(0, 500).map(float),
        "teacher_words": st.integers(0, 500).map(float),
    }
)


@settings(max_examples=150, deadline=None)
@given(pair=st.one_of(numbers(3), conditions(3)), measures=MEASURES)
def test_a_random_expression_has_the_value_python_gives_it(pair: Pair, measures: dict[str, float]) -> None:
    text, twin = pair
    reading = read(text, scope_of(NAMES))
    if reading.node is None:
        # The generator makes only well-typed text: all that is left is a part that no measure could save.
        assert reading.problems
        for problem in reading.problems:
            words = ("too large", "by zero", "logarithm", "square root", "real value", "lower limit")
            assert any(word in problem.message for word in words)
        return
    try:
        expected = eval(twin, {"__builtins__": {}}, {**REFERENCE, **measures})
    except (ArithmeticError, ValueError, TypeError):
        with pytest.raises(UnscorableError):
            reading.node.run(dict(measures))
    else:
        assert reading.node.run(dict(measures)) == expected


PIECES = [*NAMES, *FUNCTION_NAMES, *"()[],.+-*/%<>=!:;#'\"\\@{}~^&|\n\0 ", "**", "//", "if", "else", "and", "or", "not"]
PIECES += [
    "lambda",
    "for",
    "in",
    "is",
    "x",
    "0",
    "1",
    "2.5",
    "1e9",
    "07",
    "é",
    "ｗ",
    "None",
    "await",
    "\ud800",
    " ",
    " ",
]
JUNK = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=25).map("".join))


@settings(max_examples=300, deadline=None)
@given(text=JUNK, measures=MEASURES)
def test_any_text_gives_problems_or_something_that_runs_and_never_raises_or_warns(
    text: str, measures: dict[str, float]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problems = check(text, NAMES)
        node = read(text, scope_of(NAMES)).node
    assert (node is None) == bool(problems)
    assert problems == sorted(problems)
    assert all(1 <= problem.column <= len(text) + 1 and problem.message for problem in problems)
    if node is not None:
        with contextlib.suppress(UnscorableError):
            assert math.isfinite(node.run(dict(measures)))
