"""How the time of a search grows with the text, in the worst case: as the text, as its square, or faster.

A backtracking engine that fails has tried every way of reading the text. Two ways round one loop double with each
round: exponential time. Two loops that can share a stretch of text can split it anywhere: each such pair adds a power
(Weber and Seidl 1991, "On the degree of ambiguity of finite automata"). A search begins anew at every character, which
is such a pair with the first loop, so that even `[0-9]+%` is quadratic; that much is allowed, for steps are short.
Choices without a loop multiply too, and are counted with room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from types import MappingProxyType
from typing import Final, NamedTuple

from cotspec.cot.pattern.automaton import COPIES, AmbiguousError, Automaton, TooManyStatesError, automaton, unbounded
from cotspec.cot.pattern.chars import Chars, members, sample
from cotspec.cot.pattern.graph import Budget, OutOfBudgetError, components, reachable
from cotspec.cot.pattern.reading import Item, Tree, inner

#: Power of the text's length → how many choices there may be beside it.
_ROOM: Final[Mapping[int, int]] = MappingProxyType({1: 10_000, 2: 100})
_WORK: Final = 20_000
"""Steps that are compared before an expression counts as too complicated; usual ones need a few hundred."""
_MOST: Final = 1e12
"""Choices are not counted further."""
_APART: Final = "let no repeat match what the one before it can: `(a+)+` is `a+`, and `.*=.*;` is `[^=\\n]*=[^;\\n]*;`"


_Place = tuple[int, ...]
_Step = tuple[_Place, Chars]


class Slow(NamedTuple):
    """An expression that can take too long."""

    message: str
    """One sentence that goes on after "the regular expression"."""
    help: str
    """What to do."""


class _Growth(NamedTuple):
    """Ways of reading a text of n characters: n to the `power`, times `choices`."""

    power: float
    choices: float
    word: str
    """A stretch of text that can be read in more than one way."""


def slow(tree: Tree) -> Slow | None:
    """Why an expression can take too long; None when its time is at most quadratic. Never raises."""
    try:
        machine = automaton(tree)
        found = _Growths(machine).worst()
    except AmbiguousError as error:
        return Slow(f"can take exponential time: {error}", "leave one out, or write it so that it is never empty")
    except (TooManyStatesError, OutOfBudgetError):
        return Slow("is too complicated to tell how long it takes", "use fewer alternatives and fewer repeats")
    if found.power == inf:
        return Slow(f"can take exponential time on a text such as {_shown(found.word)}", _APART)
    choices = found.choices * _ways(tree.items, tree.flags, sample(tree.items))
    power = int(1 + found.power)
    if power > max(_ROOM):
        grows = "the cube" if power == 3 else f"the power {power}"
        return Slow(f"takes time that grows as {grows} of a text such as {_shown(found.word)}", _APART)
    if choices > _ROOM[power]:
        return Slow("can be read in too many ways", "use fewer alternatives and optional parts that begin alike")
    return None


def _shown(word: str) -> str:
    text = (word * 4)[: max(8, len(word))]
    return f"`{text if text.isprintable() and '`' not in text else ascii(text)[1:-1]}…`"


# --- loops ------------------------------------------------------------------------------------------------------------


class _Growths:
    """Goes through the loops of an automaton from the start of a search on."""

    def __init__(self, machine: Automaton) -> None:
        self.machine = machine
        self.budget = Budget(_WORK)
        self.steps = {state: tuple(machine.step(state)) for state in range(len(machine.chars))}
        self.after = {state: tuple(after for after, chars in steps if chars) for state, steps in self.steps.items()}

    def worst(self) -> _Growth:
        """The way of reading a text that grows fastest."""
        loops = [group for group in components(self.after) if self._turns(group)]  # each after those it comes from
        below = [reachable(loop, lambda state: self.after[state], self.budget) for loop in loops]
        best: list[list[_Growth]] = []
        for number, loop in enumerate(loops):
            if word := self._doubles(loop):  # also when its rounds are bounded: COPIES doublings were allowed
                return _Growth(inf, 1, word)
            ways = [_Growth(0, 1, "")]
            for earlier in range(number):
                if not loop.isdisjoint(below[earlier]):
                    ways += best[earlier] + self._split(loops[earlier], loop, best[earlier])
            best.append(_front(ways))
        return max((way for ways in best for way in ways), key=lambda way: (way.power, way.choices))

    def _split(self, earlier: frozenset[int], later: frozenset[int], ways: list[_Growth]) -> list[_Growth]:
        """What becomes of the ways to one loop when a later one can take over anywhere."""
        word = self._shares(earlier, later)
        times = min(self._bound(earlier), self._bound(later))
        return [_more(way, times, word) for way in ways] if word else []

    def _turns(self, group: frozenset[int]) -> bool:
        return len(group) > 1 or next(iter(group)) in self.after[next(iter(group))]

    def _bound(self, loop: frozenset[int]) -> float:
        """How often a loop can be gone through at most."""
        if 0 in loop:
            return inf
        bound = 1.0
        for each in self.machine.loops:
            if each.states & loop:
                bound *= each.bound
        return bound

    def _doubles(self, loop: frozenset[int]) -> str:
        """A text that leads round a loop in two ways, or ""."""
        for state in sorted(loop):
            for after, chars in self.steps[state]:
                if after in loop and chars and self.machine.edges[state][after] > 1:
                    return _pick(chars)

        def pairs(at: _Place) -> Iterable[_Step]:
            return self._together(at, (loop, loop))

        home: _Place = (min(loop), min(loop))
        forward = self._search(home, pairs)
        back: dict[_Place, list[_Place]] = {}
        for pair in forward:
            for ahead, _ in pairs(pair):
                back.setdefault(ahead, []).append(pair)
        returning = reachable([home], lambda pair: back.get(pair, []), self.budget)
        apart = [pair for pair in forward if pair[0] != pair[1] and pair in returning]
        if not apart:
            return ""
        pair = min(apart, key=lambda pair: (len(forward[pair]), pair))
        return forward[pair] + self._search(pair, pairs)[home]

    def _shares(self, earlier: frozenset[int], later: frozenset[int]) -> str:
        """A text that goes round one loop, round a later one, and from the first to the second; or ""."""
        everything = frozenset(self.after)

        def triples(at: _Place) -> Iterable[_Step]:
            return self._together(at, (earlier, everything, later))

        for first in sorted(earlier):
            for last in sorted(later):
                found = self._search((first, first, last), triples)
                if (first, last, last) in found:
                    return found[first, last, last]
        return ""

    def _together(self, at: _Place, within: Sequence[frozenset[int]]) -> Iterable[_Step]:
        """Where several states lead on one and the same character, each inside its own set."""
        ways: list[_Step] = [((), self.machine.chars[0])]
        for state, inside in zip(at, within, strict=True):
            steps = [step for step in self.steps[state] if step[0] in inside]
            self.budget.spend(len(ways) * len(steps))
            ways = [
                ((*places, after), both) for places, chars in ways for after, read in steps if (both := chars & read)
            ]
        return ways

    def _search(self, start: _Place, steps: Callable[[_Place], Iterable[_Step]]) -> dict[_Place, str]:
        """Every place that can be reached by a character at least, with a shortest text that leads there."""
        found: dict[_Place, str] = {}
        open_ = [(start, "")]
        while open_:
            ahead = []
            for place, word in open_:
                for after, chars in steps(place):
                    if after not in found:
                        found[after] = word + _pick(chars)
                        ahead.append((after, found[after]))
            open_ = ahead
        return found


def _more(way: _Growth, times: float, word: str) -> _Growth:
    if times == inf:
        return _Growth(way.power + 1, way.choices, word)
    return way._replace(choices=way.choices * (times + 1))


def _front(ways: list[_Growth]) -> list[_Growth]:
    """For each power, the way with most choices."""
    best: dict[float, _Growth] = {}
    for way in ways:
        if way.power not in best or best[way.power].choices < way.choices:
            best[way.power] = way
    return list(best.values())


def _pick(chars: Chars) -> str:
    """The plainest character."""
    return min(chars, key=lambda char: (not char.isalnum(), not char.isprintable(), ord(char)))


# --- choices outside of loops -----------------------------------------------------------------------------------------


def _ways(items: Sequence[Item], flags: int, every: Chars) -> float:
    """At most how many ways there are through a sequence, a loop without a bound counting as one."""
    ways = 1.0
    for item in items:
        ways = min(ways * _item_ways(item, flags, every), _MOST)
    return ways


def _item_ways(item: Item, flags: int, every: Chars) -> float:
    name, argument = str(item[0]), item[1]
    if name == "BRANCH":
        alternatives = [(*_opening(part.data, flags, every), _ways(part.data, flags, every)) for part in argument[1]]
        return max(sum(ways for chars, empty, ways in alternatives if empty or char in chars) for char in every)
    parts = [_ways(part, flags, every) for part in inner(item)[1]]
    if not name.endswith("REPEAT"):
        return parts[0] if parts else 1
    low, high, once = int(argument[0]), argument[1], parts[0]
    if high == unbounded() or (once == 1 and (high > COPIES or high == low)):
        return 1  # loops are counted elsewhere
    if once == 1:
        return float(high - low + 1)
    return min(2 * once ** min(int(high), 64), _MOST)  # at least the sum over all numbers of rounds


def _opening(items: Sequence[Item], flags: int, every: Chars) -> tuple[Chars, bool]:
    """What a sequence can begin with, and whether it can be empty."""
    found: Chars = frozenset()
    for item in items:
        chars, empty = _item_opening(item, flags, every)
        found |= chars
        if not empty:
            return found, False
    return found, True


def _item_opening(item: Item, flags: int, every: Chars) -> tuple[Chars, bool]:
    chars = members(item, flags, every)
    if chars is not None:
        return chars, False
    name = str(item[0])
    if name in ("AT", "ASSERT", "ASSERT_NOT"):
        return frozenset(), True
    parts = [_opening(part, flags, every) for part in inner(item)[1]]
    found = frozenset[str]().union(*(chars for chars, _ in parts))
    return found, any(empty for _, empty in parts) or (name.endswith("REPEAT") and int(item[1][0]) == 0)
