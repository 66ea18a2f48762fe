"""Which texts go on: conditions over a text. Pure.

The language is that of rewards (`cotspec.cot.expr`), with the name of a text before each measure. What may be asked is
what a response has by itself (`cotspec.cot.measures`), and how many of its record's texts are right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cotspec.cot.expr import Node, read, scope_of
from cotspec.cot.measures import Value, own_names

if TYPE_CHECKING:
    from cotspec.cot.judging import Grade
    from cotspec.spec.payload import Form

OWN: Final = "text"
"""What payloads call the text that is judged, whatever a spec calls its generation."""
SCORE: Final = "score"
"""The share of right ones among the texts of a record."""


def measures_of(name: str, form: Form = ()) -> dict[str, type]:
    """What may be asked of the text called `name`, as expressions name it."""
    asked = {**own_names(form), SCORE: float}
    return {f"{name}.{measure}": kind for measure, kind in asked.items()}


def reads(where: str, measure: str, form: Form = ()) -> bool:
    """Whether a condition of a payload asks for a measure."""
    return f"{OWN}.{measure}" in _node(where, form).reads


def meets(where: str, measured: Mapping[str, Value], score: float, form: Form = ()) -> bool:
    """Whether a text meets a condition of a payload: `measured` are its own measures (`measures.own`). Raises
    expr.UnscorableError where the condition has no value."""
    values: dict[str, Value] = {**measured, SCORE: score}
    return bool(_node(where, form).run({f"{OWN}.{name}": _usable(value) for name, value in values.items()}))


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
    found = read(where, scope_of(measures_of(OWN, form)), expect=bool)
    if found.node is None:
        raise ValueError(f"`{where}` is no condition: {'; '.join(problem.message for problem in found.problems)}")
    return found.node
