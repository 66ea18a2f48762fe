"""Which texts go on: conditions over a text and the other texts of its record. Pure.

The language is that of rewards (`cotspec.cot.expr`), with the name of a text before each measure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from cotspec.cot.expr import Node, UnscorableError, read, scope_of

if TYPE_CHECKING:
    from cotspec.cot.judging import Grade
    from cotspec.spec.payload import TraceFormat

OWN: Final = "text"
"""What payloads call the text that is judged, whatever a spec calls its generation."""
SCORE: Final = "score"
MEASURES: Final[Mapping[str, type]] = MappingProxyType(
    {"correct": bool, "formatted": bool, "steps": int, "words": int, "tokens": int, SCORE: float}
)
"""What may be asked of a text. `score` is the share of right ones among the texts of its record."""


class Text(NamedTuple):
    """A text of a record. `tokens` is its length as generated, with the end of the sequence."""

    text: str
    tokens: int


def measures_of(name: str) -> dict[str, type]:
    """The measures of the text called `name`, as expressions name them."""
    return {f"{name}.{measure}": kind for measure, kind in MEASURES.items()}


def reads(where: str, measure: str) -> bool:
    """Whether a condition of a payload asks for a measure."""
    return f"{OWN}.{measure}" in _node(where).reads


def meets(where: str, text: Text, grade: Grade, score: float, fmt: TraceFormat) -> bool:
    """Whether a text meets a condition of a payload. Raises UnscorableError where it has no value."""
    from cotspec.cot.judging import Grade
    from cotspec.cot.measures import formatted, words
    from cotspec.cot.segment import segment

    trace = segment(text.text, fmt)
    values: dict[str, bool | float] = {
        "correct": grade is Grade.RIGHT,
        "formatted": formatted(trace),
        "steps": float(len(trace.steps)),
        "words": float(words(text.text)),
        "tokens": float(text.tokens),
        SCORE: score,
    }
    return bool(_node(where).run({f"{OWN}.{name}": value for name, value in values.items()}))


def score(grades: Sequence[Grade]) -> float:
    """The share of right texts. Raises ValueError without any."""
    from cotspec.cot.judging import Grade

    if not grades:
        raise ValueError("a record without texts has no score")
    return sum(grade is Grade.RIGHT for grade in grades) / len(grades)


@lru_cache(maxsize=16)
def _node(where: str) -> Node:
    found = read(where, scope_of(measures_of(OWN)), expect=bool)
    if found.node is None:
        raise ValueError(f"`{where}` is no condition: {'; '.join(problem.message for problem in found.problems)}")
    return found.node


__all__ = ["MEASURES", "OWN", "SCORE", "Text", "UnscorableError", "measures_of", "meets", "reads", "score"]
