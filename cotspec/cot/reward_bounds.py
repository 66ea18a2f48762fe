"""What a reward can be before anything is run: which gates decide, which branches are taken, and how far terms reach.

Proofs only: an interval holds every value there is, and what is not taken here is never taken. Examples of what can
happen are found by `witness`. Knows no files and no trainers.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from cotspec.cot.expr import interval as iv
from cotspec.cot.expr.bounds import Bounds, FaultKind, TooHardError
from cotspec.cot.expr.interval import Interval
from cotspec.cot.expr.text import Parsed, parse
from cotspec.cot.expr.world import World
from cotspec.cot.limits import Limits, settle
from cotspec.cot.rewards import CompiledReward, Place, RewardError, compile_reward
from cotspec.spec.payload import Ramp, Reward


class Part(NamedTuple):
    """A part of an expression and where that expression stands in the reward."""

    place: Place
    parsed: Parsed
    tree: ast.expr

    @property
    def text(self) -> str:
        """As it is written."""
        return self.parsed.source(self.tree)


class GateReach(NamedTuple):
    """What a gate can do to the completions that get to it."""

    reached: bool
    passes: bool
    fails: bool


class Dead(NamedTuple):
    """A branch that no completion takes."""

    branch: Part
    test: Part
    taken: bool
    """What the test always is where it is asked."""
    by_gates: bool
    """Whether it would be taken without the gates."""


class Analysis:
    """A reward within limits. `gates`, `terms`, `dead` and `faults` are of all completions together."""

    def __init__(self, reward: Reward, compiled: CompiledReward, limits: Limits) -> None:
        self.reward, self.compiled, self.limits = reward, compiled, limits
        self.parts = dict(_parsed(reward))
        self.numbers = tuple(number for parsed in self.parts.values() for number in _numbers(parsed.tree))
        """Every number that is written."""
        self.compared = tuple((at, *pair) for at, parsed in self.parts.items() for pair in _compared(parsed.tree))
        """(place, `words` or `tokens`, what it is compared with) for each comparison."""
        self._homes: dict[ast.expr, Place] = {}
        self.bounds = self._fresh()
        self.size = sum(len(parsed.line) // 4 for parsed in self.parts.values())
        """About how many parts there are to compute."""
        self.spent = 0
        """Work that went into examples so far."""
        self.start = World(limits.ranges())
        self.gates, self.past = self._gates()
        self.terms = self._terms(self.past)
        self.faults = tuple(self._faults())
        self.dead = tuple(self._dead())

    def total(self, progress: float, known: Mapping[str, Interval]) -> Interval | None:
        """The reward of completions of which something is known; None when there are none that can be scored."""
        self.bounds.work = 0
        world: World | None = self.start
        for name, value in known.items():
            world = None if world is None else world.with_range(name, value, settle)
        found: list[Interval | None] = []
        for number, gate in enumerate(self.reward.gates):
            if world is None:
                break
            failed, world = self._through(number, world)
            found.append(iv.point(gate.reward) if failed else None)
        found.append(None if world is None else self.sum(self._terms(world), progress))
        return iv.hull(found)

    def sum(self, terms: Mapping[str, Interval | None], progress: float) -> Interval | None:
        """Weighted terms added up in their order, as scoring does."""
        total: Interval | None = iv.point(0.0)
        for term in self.reward.terms:
            value = terms[term.name]
            weighted = None if value is None else iv.times(iv.point(weight(term.weight, progress)), value)
            total = None if total is None or weighted is None else iv.plus(total, weighted)
        return total

    def ends(self) -> tuple[float, ...]:
        """The places in a run that matter: a weight moves in a straight line, so what holds at both ends holds."""
        return (0.0, 1.0) if any(term.weight.first != term.weight.last for term in self.reward.terms) else (0.0,)

    def names(self, tree: ast.expr) -> frozenset[str]:
        """The measures a part reads, also through `let`."""
        written = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for binding in reversed(self.reward.let):  # each may use those above it only
            if binding.name in written:
                body = self.parts["let", binding.name].tree
                written |= {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
        return frozenset(written & set(self.start.ranges))

    # --- one pass ---

    def _fresh(self) -> Bounds:
        lets = {str(place[1]): parsed for place, parsed in self.parts.items() if place[0] == "let"}
        bounds = Bounds(lets, settle)
        for place, parsed in self.parts.items():
            if place[0] != "let":
                bounds.learn(parsed)
        return bounds

    def _gates(self) -> tuple[tuple[GateReach, ...], World | None]:
        world: World | None = self.start
        found = []
        for number in range(len(self.reward.gates)):
            if world is None:
                found.append(GateReach(reached=False, passes=False, fails=False))
                continue
            failed, world = self._through(number, world)
            found.append(GateReach(reached=True, passes=world is not None, fails=failed))
        return tuple(found), world

    def _through(self, number: int, world: World) -> tuple[bool, World | None]:
        """Whether a gate can decide, and the world of those it lets pass."""
        tree = self.parts["gates", number, "unless"].tree
        value = self.bounds.value(tree, world)
        if value is None:
            return False, None
        failed = value.low == 0.0 and self.bounds.where(tree, iv.FALSE, world) is not None
        return failed, self.bounds.where(tree, iv.TRUE, world) if value.high == 1.0 else None

    def _terms(self, world: World | None) -> dict[str, Interval | None]:
        trees = {term.name: self.parts["terms", term.name, "value"].tree for term in self.reward.terms}
        return {name: None if world is None else self.bounds.value(tree, world) for name, tree in trees.items()}

    def _faults(self) -> Iterator[tuple[Part, FaultKind]]:
        for tree, kinds in self.bounds.faults.items():
            for kind in sorted(kinds):
                yield self._part(tree), kind

    def _dead(self) -> Iterator[Dead]:
        lonely = {tree: found for tree, found in self.bounds.taken.items() if len(found) == 1}
        free = self._without_gates() if lonely and self.reward.gates else {}
        for tree, found in lonely.items():
            taken = True in found
            branch = self._part(tree.orelse if taken else tree.body)
            by_gates = (not taken) in free.get(tree, set())
            yield Dead(branch=branch, test=self._part(tree.test), taken=taken, by_gates=by_gates)

    def _without_gates(self) -> dict[ast.IfExp, set[bool]]:
        bounds = self._fresh()
        for term in self.reward.terms:
            bounds.value(self.parts["terms", term.name, "value"].tree, self.start)
        return bounds.taken

    def _part(self, tree: ast.expr) -> Part:
        if not self._homes:
            for place, parsed in self.parts.items():
                self._homes |= {node: place for node in ast.walk(parsed.tree) if isinstance(node, ast.expr)}
        place = self._homes[tree]
        return Part(place=place, parsed=self.parts[place], tree=tree)


def weight(ramp: Ramp, progress: float) -> float:
    """At an end of the run."""
    return ramp.last if progress == 1.0 else ramp.first


def _numbers(tree: ast.expr) -> Iterator[float]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            yield float(node.value)


def _compared(tree: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for left, right in pairwise([node.left, *node.comparators]):
                for name, other in ((left, right), (right, left)):
                    if isinstance(name, ast.Name) and name.id in ("words", "tokens"):
                        yield name.id, other


def _parsed(reward: Reward) -> Iterator[tuple[Place, Parsed]]:
    texts: list[tuple[Place, str]] = [(("let", binding.name), binding.value) for binding in reward.let]
    texts += [(("gates", number, "unless"), gate.unless) for number, gate in enumerate(reward.gates)]
    texts += [(("terms", term.name, "value"), term.value) for term in reward.terms]
    for place, text in texts:
        parsed = parse(text)
        if isinstance(parsed, Parsed):  # it is: the reward has been compiled
            yield place, parsed


@lru_cache(maxsize=256)
def analyse(reward: Reward, limits: Limits) -> Analysis | None:
    """The analysis of a reward; None for one with mistakes, or one that would take too long."""
    try:
        return Analysis(reward, compile_reward(reward), limits)
    except (RewardError, TooHardError):
        return None
