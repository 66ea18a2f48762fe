"""The texts of a spec: which are made over which, and what the filter of each asks. Knows no tasks and no positions.

A condition is split into what a task does by itself and counts under a name of its own (a right answer, numbers of
steps, what nobody got right) and the rest, which it evaluates as it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from cotspec.cot.expr import Problem, read, scope_of
from cotspec.cot.expr.text import parse
from cotspec.cot.selecting import OWN, SCORE, measures_of
from cotspec.ir.bodies import trace_format
from cotspec.spec.base import Slice
from cotspec.spec.experiment import Experiment, Generation, Stage
from cotspec.spec.payload import Form

_TURNED: Final = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq}
"""Comparison → the same with its sides exchanged."""
_OPPOSITE: Final = {ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.NotEq: ast.Eq}
"""Comparison → what holds where it does not."""


class Filter(NamedTuple):
    """What goes on of a generation."""

    correct: bool = False
    """Only texts whose answer equals the gold answer."""
    at_least: int = 0
    """Fewest steps of a text."""
    at_most: int | None = None
    """Most steps of a text."""
    failed: Literal["", "all_wrong", "any_wrong"] = ""
    """Records of which all, or any, texts are wrong."""
    rest: str = ""
    """What else must hold, as an expression over OWN."""
    problems: tuple[Problem, ...] = ()
    """Mistakes in the condition; the other fields then say nothing."""


# --- the graph --------------------------------------------------------------------------------------------------------


def chain(spec: Experiment, name: str) -> tuple[str, ...]:
    """A generation, the one it is made over, …, the one that is made over a data set. A cycle ends it."""
    found: list[str] = []
    while name in spec.generate and name not in found:
        found.append(name)
        over = spec.generate[name].over
        name = "" if over in spec.data else over
    return tuple(found)


def root(spec: Experiment, name: str) -> str:
    """The generation over data that a generation goes back to; "" for what is none."""
    found = chain(spec, name)
    return found[-1] if found else ""


def over_data(spec: Experiment) -> Iterator[tuple[str, Generation]]:
    """The generations that are made over data sets, by name."""
    return ((name, each) for name, each in spec.generate.items() if each.over in spec.data)


def used(spec: Experiment) -> tuple[str, ...]:
    """The generations that rows are made from, and those that they are made over, in the order of the spec."""
    found = {name for stage in spec.stages.values() for name in chain(spec, stage.rows.from_)}
    return tuple(name for name in spec.generate if name in found)


def taught(spec: Experiment) -> dict[str, str]:
    """The data sets that texts to train on are made over, by the role that the task which compares sets knows them by:
    `taught`, `taught_2`, …"""
    names = used(spec)
    sets = dict.fromkeys(each.over for name, each in over_data(spec) if name in names)
    return {"taught" if at == 1 else f"taught_{at}": name for at, name in enumerate(sets, 1)}


def over_texts(spec: Experiment, name: str) -> Generation | None:
    """The generation of that name where it is made over another one."""
    found = spec.generate.get(name)
    return None if found is None or found.over in spec.data or found.over not in spec.generate else found


def traces_of(spec: Experiment, stage: Stage) -> tuple[str, Slice | None]:
    """The generation over data that the rows of a stage go back to, and which of its records they can be."""
    tried = over_texts(spec, stage.rows.from_)
    return root(spec, stage.rows.from_), stage.rows.slice if tried is None else tried.slice


# --- filters ----------------------------------------------------------------------------------------------------------


def filter_of(spec: Experiment, name: str) -> Filter:
    """What a generation keeps."""
    where, form = spec.generate[name].keep.where, trace_format(spec.trace).form
    return Filter() if where is None else _filter(where, name, form, tries=over_texts(spec, name) is not None)


@lru_cache(maxsize=256)
def _filter(where: str, name: str, form: Form, *, tries: bool) -> Filter:
    scope = scope_of(measures_of(name, form))
    problems = read(where, scope, expect=bool).problems
    parsed = parse(where)
    if problems or isinstance(parsed, list):
        return Filter(problems=problems)
    found = Filter()
    rest: list[str] = []
    for part in _conjuncts(parsed.tree):
        known = _failed(found, part, name) if tries else _known(found, part, name)
        if known is None:
            rest.append(_renamed(part, name))
        found = known or found
    own = " and ".join(rest)
    # Written out it may be too long to read.
    grown = read(own, scope_of(measures_of(OWN, form))).problems if own else ()
    return found._replace(rest=own) if not grown else Filter(problems=(grown[0]._replace(column=1, length=len(where)),))


def _conjuncts(tree: ast.expr) -> Iterator[ast.expr]:
    """What must all hold: a chain of comparisons is several, and a comparison that must not hold is its opposite."""
    match tree:
        case ast.BoolOp(op=ast.And()):
            for part in tree.values:
                yield from _conjuncts(part)
        case ast.Compare():
            chain = (tree.left, *tree.comparators)
            yield from (ast.Compare(a, [op], [b]) for a, op, b in zip(chain, tree.ops, chain[1:], strict=False))
        case ast.UnaryOp(op=ast.Not(), operand=ast.Compare(left, [op], sides)) if type(op) in _OPPOSITE:
            yield ast.Compare(left, [_OPPOSITE[type(op)]()], sides)
        case _:
            yield tree


def _known(found: Filter, part: ast.expr, name: str) -> Filter | None:
    """The filter with a part that has a name of its own; None for any other."""
    if ast.unparse(part) == f"{name}.correct":
        return found._replace(correct=True)
    compared = _compared(part)
    if compared is None:
        return None
    left, op, number = compared
    return _steps(found, op, int(number)) if left == f"{name}.steps" and number == int(number) else None


def _failed(found: Filter, part: ast.expr, name: str) -> Filter | None:
    """The filter of tries at the questions of other texts, with a part that asks how many are right."""
    match _compared(part):
        case (left, ast.Eq, 0) if left == f"{name}.{SCORE}":
            return found._replace(failed="all_wrong")
        case (left, ast.Lt, 1) if left == f"{name}.{SCORE}":
            return found._replace(failed=found.failed or "any_wrong")
        case _:
            return None


def _steps(found: Filter, op: type[ast.cmpop], number: int) -> Filter | None:
    least = {ast.GtE: number, ast.Gt: number + 1, ast.Eq: number}.get(op)
    most = {ast.LtE: number, ast.Lt: number - 1, ast.Eq: number}.get(op)
    if (least is None and most is None) or (most is not None and most < 1):
        return None  # no steps at most: for the task, 0 is no bound
    if most is not None:
        most = most if found.at_most is None else min(most, found.at_most)
    return found._replace(at_least=max(found.at_least, least or 0), at_most=found.at_most if most is None else most)


def _compared(part: ast.expr) -> tuple[str, type[ast.cmpop], float] | None:
    """A name, how it is compared, and with which number."""
    match part:
        case ast.Compare(left=left, ops=[op], comparators=[ast.Constant(value=int(number) | float(number))]):
            return ast.unparse(left), type(op), number
        case ast.Compare(left=ast.Constant(value=int(number) | float(number)), ops=[op], comparators=[right]):
            turned = _TURNED.get(type(op))
            return None if turned is None else (ast.unparse(right), turned, number)
        case _:
            return None


def _renamed(part: ast.expr, name: str) -> str:
    """A part of a condition with OWN in place of the name of its generation, which is no identity."""
    tree = ast.parse(ast.unparse(part), mode="eval").body
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            node.value.id = OWN
    text = ast.unparse(tree)
    return f"({text})" if isinstance(part, ast.BoolOp | ast.IfExp) else text
