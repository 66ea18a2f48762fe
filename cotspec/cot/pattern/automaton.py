"""An expression → its automaton: one state per character it can read, an edge to each that may come next.

State 0 reads anything and stands for where a search begins: from every character of a text the expression is tried
anew. Edges are counted, because two ways to the same next state are two ways an engine tries. Repeats up to COPIES are
written out; longer ones become loops that remember their bound. What looks ahead or behind is a side road without an
end. Possessive repeats of one class are left only where the class ends; other atomic groups count as plain ones, which
is the safe side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import inf
from typing import Final, NamedTuple

from cotspec.cot.pattern.chars import Chars, members, sample
from cotspec.cot.pattern.reading import Item, Tree

COPIES: Final = 8
"""Repeats that are written out."""
MAX_STATES: Final = 400
MAX_EDGES: Final = 5_000

_NOTHING: Final[Chars] = frozenset()
_NO_STATES: Final[frozenset[int]] = frozenset()
Exit = tuple[int, Chars]
"""A state, and the characters that may not follow it (it would have gone on reading them)."""


class TooManyStatesError(Exception):
    """The expression is too large to be judged."""


class AmbiguousError(Exception):
    """The expression says the same twice, at a place where an engine tries both; the message says how."""


class Loop(NamedTuple):
    """States that a repeat can go through again, and how often at most."""

    states: frozenset[int]
    bound: float


@dataclass(slots=True)
class Automaton:
    """States by number."""

    chars: list[Chars]
    edges: list[dict[int, int]]
    """By state: next state → number of ways to it."""
    barred: dict[tuple[int, int], Chars] = field(default_factory=dict)
    """Characters an edge does not read although its state does."""
    loops: list[Loop] = field(default_factory=list)
    done: set[int] = field(default_factory=set)
    """States after which the expression has matched, whatever follows: no way through them is tried in vain."""

    def step(self, state: int) -> Iterable[tuple[int, Chars]]:
        """Next states that can lead to failure, with what is read on the way."""
        for after in self.edges[state]:
            if after not in self.done:
                yield after, self.chars[after] - self.barred.get((state, after), _NOTHING)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """A piece of an expression."""

    empty: bool
    """Whether it can match nothing."""
    free: bool
    """Whether it can match nothing and without a condition."""
    first: tuple[int, ...] = ()
    last: tuple[Exit, ...] = ()
    done: frozenset[int] = frozenset()
    """States of `last` after which it is over without a condition."""


_EMPTY: Final = _Part(empty=True, free=True)
_CONDITION: Final = _Part(empty=True, free=False)


def automaton(tree: Tree) -> Automaton:
    """The automaton of an expression. Raises TooManyStatesError, AmbiguousError."""
    every = sample(tree.items)
    found = Automaton(chars=[every], edges=[{0: 1}])
    start = _Part(empty=False, free=False, first=(0,), last=((0, _NOTHING),))
    build = _Build(found, every)
    whole = build.sequence(tree.items, tree.flags)
    build.join(start, whole)
    found.done |= whole.done
    return found


class _Build:
    def __init__(self, found: Automaton, every: Chars) -> None:
        self.found, self.every = found, every
        self.ties = 0

    def state(self, chars: Chars) -> int:
        if len(self.found.chars) >= MAX_STATES:
            raise TooManyStatesError
        self.found.chars.append(chars)
        self.found.edges.append({})
        return len(self.found.chars) - 1

    def link(self, exits: Iterable[Exit], first: Iterable[int]) -> None:
        targets = tuple(first)
        for state, barred in exits:
            self.ties += len(targets)
            if self.ties > MAX_EDGES:
                raise TooManyStatesError
            ways = self.found.edges[state]
            for target in targets:
                ways[target] = ways.get(target, 0) + 1
                if barred:
                    self.found.barred[state, target] = barred

    def join(self, before: _Part, after: _Part) -> _Part:
        """One part behind another."""
        self.link(before.last, after.first)
        return _Part(
            empty=before.empty and after.empty,
            free=before.free and after.free,
            first=before.first + after.first if before.empty else before.first,
            last=before.last + after.last if after.empty else after.last,
            done=before.done | after.done if after.free else after.done,
        )

    def sequence(self, items: Sequence[Item], flags: int) -> _Part:
        whole = _EMPTY
        for item in items:
            whole = self.join(whole, self.item(item, flags))
        return whole

    def item(self, item: Item, flags: int) -> _Part:
        chars = members(item, flags, self.every)
        if chars is not None:
            state = self.state(chars)
            return _Part(empty=False, free=False, first=(state,), last=((state, _NOTHING),), done=frozenset((state,)))
        name, argument = str(item[0]), item[1]
        match name:
            case "SUBPATTERN":
                _, on, off, inside = argument
                return self.sequence(inside.data, (flags | on) & ~off)
            case "BRANCH":
                return _either([self.sequence(branch.data, flags) for branch in argument[1]])
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                low, high, inside = argument
                most = inf if high == _UNBOUNDED else int(high)
                whole = self.repeat(inside.data, flags, int(low), most)
                return self.possessive(whole, inside.data, flags, most) if name == "POSSESSIVE_REPEAT" else whole
            case "ATOMIC_GROUP":
                whole = self.sequence(argument.data, flags)
                alone: Item = argument.data[0] if len(argument.data) == 1 else ("", ())
                if str(alone[0]) == "MAX_REPEAT" and alone[1][1] == _UNBOUNDED:
                    return self.possessive(whole, alone[1][2].data, flags, inf)
                return whole
            case "ASSERT" | "ASSERT_NOT":
                aside = self.sequence(argument[1].data, flags)
                self.found.done |= aside.done
                return replace(_CONDITION, first=aside.first)
            case _:  # `^`, `$`, `\b`, and what matches nothing at all
                return _CONDITION

    def repeat(self, items: Sequence[Item], flags: int, low: int, high: float) -> _Part:
        if high == 0:
            return _EMPTY
        copies = int(max(low, 1) if high == inf else high)
        if copies > COPIES:
            return self.loop(self.copy(items, flags, high), low, high)
        parts = [self.copy(items, flags, high) for _ in range(copies)]
        if high == inf:
            parts[-1] = self.loop(parts[-1], 1, inf)
        for before, after in pairwise(parts):
            self.link(before.last, after.first)
        ends = parts[max(low, 1) - 1 :]  # those that may be the last
        return _Part(
            empty=low == 0 or parts[0].empty,
            free=low == 0 or parts[0].free,
            first=parts[0].first,
            last=tuple(exit_ for part in ends for exit_ in part.last),
            done=_NO_STATES.union(*(part.done for part in ends)),
        )

    def copy(self, items: Sequence[Item], flags: int, high: float) -> _Part:
        """One round of a repeat."""
        part = self.sequence(items, flags)
        if part.empty and high > 1:
            raise AmbiguousError("a repeat goes round something that can be empty")
        return part

    def loop(self, part: _Part, low: int, high: float) -> _Part:
        self.link(part.last, part.first)
        self.found.loops.append(Loop(frozenset((*part.first, *(state for state, _ in part.last))), high))
        whole = part if low <= 1 else replace(part, done=frozenset())
        return whole if low else replace(whole, empty=True, free=True)

    def possessive(self, part: _Part, items: Sequence[Item], flags: int, most: float) -> _Part:
        chars = members(items[0], flags, self.every) if len(items) == 1 else None
        if chars is None or most != inf:
            return part
        return replace(part, last=tuple((state, chars) for state, _ in part.last))


def _either(parts: Sequence[_Part]) -> _Part:
    if sum(part.empty for part in parts) > 1:  # also what Python's parser makes of `(ab|ab)`: `ab(|)`
        raise AmbiguousError("two alternatives match the same text")
    return _Part(
        empty=any(part.empty for part in parts),
        free=any(part.free for part in parts),
        first=tuple(state for part in parts for state in part.first),
        last=tuple(exit_ for part in parts for exit_ in part.last),
        done=_NO_STATES.union(*(part.done for part in parts)),
    )


def unbounded() -> object:
    from importlib import import_module

    return import_module("re._constants").MAXREPEAT


_UNBOUNDED: Final = unbounded()
