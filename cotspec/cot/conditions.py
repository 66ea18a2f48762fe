"""Which texts go on: conditions over a text. Pure.

The language is that of rewards (`cotspec.cot.expr`), with the name of a text before each measure. What may be asked is
what a response has by itself (`cotspec.cot.measures`), and how many of its record's texts are right.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice, pairwise, product
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cotspec.cot import voting
from cotspec.cot.expr import Node, UnscorableError, read, scope_of
from cotspec.cot.measures import VOTED, Value, own_names, table
from cotspec.cot.voting import Ballot

if TYPE_CHECKING:
    from cotspec.cot.grading_rules import Grade
    from cotspec.spec.payload import Form

OWN: Final = "text"
"""What payloads call the text that is judged, whatever a spec calls its generation; `text_1` is the one that it was
made over, `text_2` the one before."""
SHARED: Final = "shared"
"""What payloads call the first gathered text that the prompts of a stage show, `shared_1` the second."""
OF_PAYLOADS: Final = re.compile(rf"(?:{OWN}|{SHARED})(?:_\d+)?")
"""Every name that payloads give to a text: nothing in a spec is called so."""
_MOST: Final = 2_000
"""Texts that a condition is tried on."""
SCORE: Final = "score"
"""The share of right ones among the texts of a record."""


def called(depth: int) -> str:
    """What payloads call the text that the judged one goes back to in so many generations."""
    return f"{OWN}_{depth}" if depth else OWN


def shared(at: int) -> str:
    """What payloads call a gathered text, by its place among those of a stage."""
    return f"{SHARED}_{at}" if at else SHARED


def scope(
    names: Sequence[str], form: Form = (), *, scored: Collection[str] = (), voted: Collection[str] = ()
) -> dict[str, type]:
    """The measures of a text and of those that it was made over, nearest first, by their names. Of those in `scored`
    the score is known, too, and of those in `voted` who agrees with it."""
    kinds = {f"{each}.{measure}": kind for each in names for measure, kind in own_names(form).items()}
    kinds |= {f"{each}.{SCORE}": float for each in names if each in scored}
    return kinds | {f"{each}.{measure}": kind for each in voted for measure, kind in VOTED.items()}


def renamed(text: str, names: Sequence[str]) -> str:
    """An expression that reads texts by their names in a spec, nearest first, as payloads write it; one that reads
    none, or is no expression, is left as it is."""
    if not any(f"{name}." in text for name in names):
        return text
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    if not rename(tree, names):
        return text
    return ast.unparse(tree)


def rename(tree: ast.expr, names: Sequence[str]) -> bool:
    """Put what payloads call texts in place of their names, which are no identity; whether there was any."""
    nodes = (n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name))
    uses = [n.value for n in nodes if isinstance(n.value, ast.Name) and n.value.id in names]
    for name in uses:
        name.id = called(names.index(name.id))
    return bool(uses)


def asked(expressions: Iterable[str]) -> tuple[str, ...]:
    """What payloads call the texts that some of their expressions may read, nearest first; none if they read none."""
    told = list(expressions)
    if not any(re.search(rf"\b{OWN}(_\d+)?\.", each) for each in told):
        return ()
    return tuple(called(depth) for depth in range(max(map(deepest, told)) + 1))


def reads(where: str, measure: str, form: Form = (), *, depth: int | None = None) -> bool:
    """Whether an expression of a payload asks for a measure: of any text, or of the one so many generations back (also
    as one of its segments)."""
    text = OF_PAYLOADS.pattern if depth is None else called(depth)
    asked = re.compile(rf"{text}\.(\w+\.)?{measure}")
    return any(asked.fullmatch(name) for name in _node(where, form).reads)


def about(where: str, form: Form = (), *, depth: int) -> bool:
    """Whether an expression of a payload asks anything of the text so many generations back."""
    return any(name.startswith(f"{called(depth)}.") for name in _node(where, form).reads)


def kind(where: str, form: Form = ()) -> type:
    """`bool` where an expression of a payload is a condition; else `float`."""
    return bool if _node(where, form).kind == "condition" else float


def deepest(where: str) -> int:
    """How many generations back the texts are that an expression of a payload asks about."""
    return max((int(depth) for depth in re.findall(rf"\b{OWN}_(\d+)\.", where)), default=0)


def value(
    where: str,
    measured: Sequence[Mapping[str, Value]],
    score: float,
    form: Form = (),
    *,
    vote: Mapping[str, Value] = MappingProxyType({}),
) -> Value:
    """What an expression of a payload is for a text: `measured` are its own measures (`measures.own`), and those of the
    texts that it was made over; `vote` is how it stands among those of its record (`voted`). Raises
    expr.UnscorableError where it has no value."""
    among = {f"{called(0)}.{SCORE}": score, f"{called(1)}.{SCORE}": score}
    among |= {f"{called(0)}.{name}": _usable(each) for name, each in vote.items()}
    return _node(where, form).run({**values(measured), **among})


def values(measured: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    """The measures of texts, the nearest first, by the names that payloads give them."""
    return {f"{called(at)}.{name}": _usable(value) for at, each in enumerate(measured) for name, value in each.items()}


def meets(where: str, measured: Sequence[Mapping[str, Value]], score: float, form: Form = ()) -> bool:
    """Whether a text meets a condition of a payload; the rest as in `value`."""
    return bool(value(where, measured, score, form))


def score(grades: Sequence[Grade]) -> float:
    """The share of right texts. Raises ValueError without any."""
    from cotspec.cot.grading_rules import Grade

    if not grades:
        raise ValueError("a record without texts has no score")
    return sum(grade is Grade.RIGHT for grade in grades) / len(grades)


def voted(ballot: Ballot) -> list[Mapping[str, Value]]:
    """How each text of a record stands among all of them."""
    return [
        {"votes": voting.votes(own, ballot.answers), "majority": voting.majority(own, ballot.answers)}
        for own in ballot.answers
    ]


def asks_votes(where: str, form: Form = ()) -> bool:
    """Whether an expression of a payload asks who agrees with a text."""
    return any(reads(where, measure, form, depth=0) for measure in VOTED)


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


def _met(node: Node, measured: dict[str, Value]) -> bool:
    try:
        return bool(node.run(measured))
    except UnscorableError:
        return False


def _numbers(where: str) -> set[float]:
    tree = ast.walk(ast.parse(where, mode="eval"))
    return {float(n.value) for n in tree if isinstance(n, ast.Constant) and isinstance(n.value, int | float)}


def _values(measure: str, form: Form, near: Collection[float]) -> Sequence[float]:
    """Values of a measure to try a condition on: typical ones, and those `near` the numbers of the condition."""
    if measure in (SCORE, "votes"):
        return sorted({0.0, 0.25, 0.5, 1.0, *(n for n in near if 0 <= n <= 1)})
    given = table(form)[measure]
    if given.kind is bool:
        return (False, True)
    return sorted({*given.typical[::2], *(n for n in near if n >= given.least and n == int(n))})


def _usable(value: Value) -> float:
    return value if isinstance(value, bool) else float(value)


@lru_cache(maxsize=16)
def _node(where: str, form: Form) -> Node:
    names = [called(depth) for depth in range(max(1, deepest(where)) + 1)]
    reading = read(where, scope_of(scope(names, form, scored=names[:2], voted=names[:1])))
    if reading.node is None:
        raise ValueError(f"`{where}` is no expression: {'; '.join(problem.message for problem in reading.problems)}")
    return reading.node
