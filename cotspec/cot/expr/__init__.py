"""The expression language of rewards: read text, say what is wrong with it, or give something that computes it.

Python's expression syntax over named values, and nothing that could run code. Two types: numbers (always floats) and
conditions. Grammar and limits are in `parsing`, type rules in `tree`, arithmetic in `operations`. Knows no rewards.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from cotspec.cot.expr import operations
from cotspec.cot.expr.errors import Problem, UnscorableError, closest
from cotspec.cot.expr.node import Kind, Node, Symbol
from cotspec.cot.expr.operations import Env
from cotspec.cot.expr.parsing import parse
from cotspec.cot.expr.tree import FUNCTION_NAMES, Walk

__all__ = [
    "FUNCTION_NAMES",
    "Env",
    "Kind",
    "Node",
    "Problem",
    "Reading",
    "Symbol",
    "UnscorableError",
    "bind",
    "check",
    "closest",
    "read",
    "scope_of",
]


class Reading(NamedTuple):
    """What a text turned out to be: a node, or the problems in the order of the text.

    Neither, when its only fault is to use a `let` name that has a problem of its own.
    """

    node: Node | None
    problems: tuple[Problem, ...]


def scope_of(names: Mapping[str, type]) -> dict[str, Symbol]:
    """Measures by name; type bool is a condition, int and float are numbers."""
    return {
        name: Symbol("condition" if kind is bool else "number", operations.measure(name), frozenset({name}))
        for name, kind in names.items()
    }


def bind(name: str, reading: Reading) -> Symbol:
    """The symbol of a `let` name; without a node its uses are passed over in silence."""
    node = reading.node
    if node is None:
        return Symbol(None, operations.measure(name))
    return Symbol(node.kind, operations.binding(name, node.run), node.reads, node.depth + 1)


def read(text: str, scope: Mapping[str, Symbol], *, later: Collection[str] = (), expect: type | None = None) -> Reading:
    """Parse, check and build one expression. Never raises for any text.

    `later`: names not defined yet. `expect`: bool or float when only that type will do.
    """
    parsed = parse(text)
    if isinstance(parsed, list):
        return Reading(None, tuple(parsed))
    walk = Walk(parsed, scope, frozenset(later))
    match expect:
        case None:
            node = walk.node(parsed.tree)
        case _:
            node = walk.wanted(parsed.tree, "condition" if expect is bool else "number", "this setting")
    return Reading(None if walk.problems else node, tuple(sorted(walk.problems)))


def check(text: str, names: Mapping[str, type], *, expect: type | None = None) -> list[Problem]:
    """All problems of one expression over measures; none means that it can be computed."""
    return list(read(text, scope_of(names), expect=expect).problems)
