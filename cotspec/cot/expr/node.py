"""What a checked expression is, and what a name in it stands for. Knows no text."""

from __future__ import annotations

from typing import Literal, NamedTuple

from cotspec.cot.expr.operations import Run

Kind = Literal["number", "condition"]


class Symbol(NamedTuple):
    """What a name stands for."""

    kind: Kind | None
    """None: its own expression has a problem, so nothing is said about its uses."""
    run: Run
    reads: frozenset[str] = frozenset()
    """Measures behind it."""
    depth: int = 1


class Node(NamedTuple):
    """A checked expression: its kind, how to run it, and what it reads."""

    kind: Kind
    run: Run
    constant: float | None = None
    """Its value when it reads nothing."""
    reads: frozenset[str] = frozenset()
    """Measures it needs, also through `let`."""
    names: frozenset[str] = frozenset()
    """Names as written: measures and `let` names."""
    depth: int = 1
