"""Which texts go on: conditions over a text. Pure.

The language is that of rewards (`cotspec.cot.expr`), with the name of a text before each measure. What may be asked is
what a response has by itself (`cotspec.cot.measures`), and how many of its record's texts are right.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import islice, pairwise, product
from math import prod
from typing import TYPE_CHECKING, Final

from cotspec.cot.expr import Node, UnscorableError, read, scope_of
from cotspec.cot.measures import Value, own_names, table

if TYPE_CHECKING:
    from cotspec.cot.judging import Grade
    from cotspec.spec.payload import Form

OWN: Final = "text"
"""What payloads call the text that is judged, whatever a spec calls its generation; `text_1` is the one that it was
made over, `text_2` the one before."""
_MOST: Final = 2_000
"""Texts that a condition is tried on."""
SCORE: Final = "score"
"""The share of right ones among the texts of a record."""


def measures_of(name: str, form: Form = ()) -> dict[str, type]:
    """What may be asked of the text called `name`, as expressions name it."""
    asked = {**own_names(form), SCORE: float}
    return {f"{name}.{measure}": kind for measure, kind in asked.items()}


def called(depth: int) -> str:
    """What payloads call the text that the judged one goes back to in so many generations."""
    return f"{OWN}_{depth}" if depth else OWN


def scope(names: Sequence[str], form: Form = ()) -> dict[str, type]:
    """The measures of a text and of those that it was made over, nearest first, by their names. Only of the first two
    is a score known: the share of right ones among the texts that were made over the same one."""
    found = {name: kind for each in names[:2] for name, kind in measures_of(each, form).items()}
    return found | {f"{each}.{measure}": kind for each in names[2:] for measure, kind in own_names(form).items()}


def reads(where: str, measure: str, form: Form = ()) -> bool:
    """Whether an expression of a payload asks for a measure of any text."""
    return any(name.endswith(f".{measure}") for name in _node(where, form).reads)


def deepest(where: str) -> int:
    """How many generations back the texts are that an expression of a payload asks about."""
    return max((int(depth) for depth in re.findall(rf"\b{OWN}_(\d+)\.", where)), default=0)


def value(where: str, measured: Sequence[Mapping[str, Value]], score: float, form: Form = ()) -> Value:
    """What an expression of a payload is for a text: `measured` are its own measures (`measures.own`), and those of the
    texts that it was made over. Raises expr.UnscorableError where it has no value."""
    values = {f"{called(0)}.{SCORE}": score, f"{called(1)}.{SCORE}": score}
    for depth, each in enumerate(measured):
        values |= {f"{called(depth)}.{name}": _usable(value) for name, value in each.items()}
    return _node(where, form).run(values)


def meets(where: str, measured: Sequence[Mapping[str, Value]], score: float, form: Form = ()) -> bool:
    """Whether a text meets a condition of a payload; the rest as in `value`."""
    return bool(value(where, measured, score, form))


def score(grades: Sequence[Grade]) -> float:
    """The share of right texts. Raises ValueError without any."""
    from cotspec.cot.judging import Grade

    if not grades:
        raise ValueError("a record without texts has no score")
    return sum(grade is Grade.RIGHT for grade in grades) / len(grades)


def met_by(where: str, form: Form = ()) -> tuple[int, int]:
    """How many of some texts that nobody has written meet a condition of a payload, and how many were tried: every
    measure that it reads, whatever the others are, at its typical values and next to every number that is written."""
    node = _node(where, form)
    names = sorted(node.reads)
    near = {n + d for n in _numbers(where) for d in (-1, -0.01, 0, 0.01, 1)}
    near |= {(one + next_) / 2 for one, next_ in pairwise(sorted(near))}
    values = [_values(name.partition(".")[2], form, near) for name in names]
    texts = list(islice(product(*values), None, None, -(-prod(map(len, values)) // _MOST)))
    return sum(_met(node, dict(zip(names, text, strict=True))) for text in texts), len(texts)


def _met(node: Node, values: dict[str, Value]) -> bool:
    try:
        return bool(node.run(values))
    except UnscorableError:
        return False


def _numbers(where: str) -> set[float]:
    tree = ast.walk(ast.parse(where, mode="eval"))
    return {float(n.value) for n in tree if isinstance(n, ast.Constant) and isinstance(n.value, int | float)}


def _values(measure: str, form: Form, near: Collection[float]) -> Sequence[float]:
    """Values of a measure."""
    if measure == SCORE:
        return sorted({0.0, 0.25, 0.5, 1.0, *(n for n in near if 0 <= n <= 1)})
    given = table(form)[measure]
    if given.kind is bool:
        return (False, True)
    return sorted({*given.typical[::2], *(n for n in near if n >= given.least and n == int(n))})


def _usable(value: Value) -> float:
    return value if isinstance(value, bool) else float(value)


@lru_cache(maxsize=16)
def _node(where: str, form: Form) -> Node:
    found = read(where, scope_of(scope([called(depth) for depth in range(max(1, deepest(where)) + 1)], form)))
    if found.node is None:
        raise ValueError(f"`{where}` is no expression: {'; '.join(problem.message for problem in found.problems)}")
    return found.node
