"""Which texts go on: conditions over a text. Pure.

The language is that of rewards (`cotspec.cot.expr`), with the name of a text before each measure. What may be asked is
what a response has by itself (`cotspec.cot.measures`), and how many of its record's texts are right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cotspec.cot.expr import Node, read, scope_of
from cotspec.cot.measures import Value, own_names

if TYPE_CHECKING:
    from cotspec.cot.judging import Grade
    from cotspec.spec.payload import Form

OWN: Final = "text"
"""What payloads call the text that is judged, whatever a spec calls its generation; `text_1` is the one that it was
made over, `text_2` the one before."""
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


def _usable(value: Value) -> float:
    return value if isinstance(value, bool) else float(value)


@lru_cache(maxsize=16)
def _node(where: str, form: Form) -> Node:
    found = read(where, scope_of(scope([called(depth) for depth in range(max(1, deepest(where)) + 1)], form)))
    if found.node is None:
        raise ValueError(f"`{where}` is no expression: {'; '.join(problem.message for problem in found.problems)}")
    return found.node
