"""A reward as the spec writes it → a function from measures to a score: gates, `let`, weighted terms.

Rules: gates are tried in order and the first whose condition is false decides alone. Otherwise the reward is the sum of
weight × value in the order of the terms. A value that is a condition counts 1 when true and 0 when false. `let` names
may be used in gates and terms, each after those above it. What cannot be computed makes the whole reward not scorable;
it is never replaced by a number. Knows nothing of text segmentation, trainers or files.
"""

from __future__ import annotations

import keyword
import math
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from cotspec.cot.conditions import scope
from cotspec.cot.expr import FUNCTION_NAMES, Env, Node, Problem, Symbol, UnscorableError, bind, read, scope_of
from cotspec.cot.measures import names as names_of
from cotspec.spec.payload import Binding, Form, Ramp, Reward, RewardGate, RewardTerm

Place = tuple[str | int, ...]

_LARGEST = sys.float_info.max
_NUMBERS = (int, float)


class Finding(NamedTuple):
    """A problem and the expression it is in."""

    place: Place
    """Path inside the reward: ("gates", 0, "unless"), ("let", name) or ("terms", name, "value")."""
    problem: Problem
    at_key: bool = False
    """The fault is in the name at `place`, not in its expression; the column is then 1."""

    def __str__(self) -> str:
        where = ".".join(map(str, self.place))
        column = "" if self.at_key else f" (column {self.problem.column})"
        fix = f"; did you mean `{self.problem.suggestion}`?" if self.problem.suggestion else ""
        return f"reward {where}{column}: {self.problem.message}{fix}"


class RewardError(ValueError):
    """A reward that does not pass `check_reward`. `place` and `column` are those of the first finding."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = tuple(findings)
        self.place = findings[0].place
        self.column = findings[0].problem.column


class Score(NamedTuple):
    """The reward of one completion."""

    total: float | None
    """The reward; None when it cannot be scored."""
    gate: int | None
    """Number of the gate that decided, counted from 0."""
    terms: Mapping[str, float] = MappingProxyType({})
    """Weighted value of each term that could be scored; they add up to `total`. Empty when a gate decided."""
    problem: str = ""
    """Why there is no total."""
    unscored: tuple[str, ...] = ()
    """What could not be scored, for counting: term names, or `gate 1` (counted from 1)."""


class CompiledReward(NamedTuple):
    """A checked reward, ready to score."""

    gates: tuple[tuple[Node, float], ...]
    terms: tuple[tuple[str, Node, Ramp], ...]
    measures: tuple[tuple[str, type], ...]
    """The measures it reads, with their types, by name."""
    unused: frozenset[str]
    """Names of `let` that nothing uses."""

    def score(self, measures: Mapping[str, bool | int | float], progress: float) -> Score:
        """Score one completion; `progress` in [0, 1] moves the weights. A failure is in the Score, never a number.

        A measure that is missing, of another type or not finite spoils only what reads it. Raises ValueError when
        `progress` is outside [0, 1].
        """
        if not 0.0 <= progress <= 1.0:
            raise ValueError(f"progress is a number from 0 to 1, not {progress}")
        env = self.usable(measures)
        for number, (condition, reward) in enumerate(self.gates):
            try:
                if not condition.run(env):
                    return Score(reward, number)
            except UnscorableError as error:
                name = f"gate {number + 1}"
                return Score(None, None, {}, f"{name} cannot be scored: {error}", (name,))
        return self._sum(env, progress)

    def usable(self, measures: Mapping[str, bool | int | float]) -> Env:
        """The given measures that the reward reads, without those that are not finite or not of their type."""
        env: Env = {}
        for name, kind in self.measures:
            value = measures.get(name)
            if kind is bool:
                if value is True or value is False:
                    env[name] = value
            elif isinstance(value, _NUMBERS) and not isinstance(value, bool) and abs(value) <= _LARGEST:
                env[name] = float(value)
        return env

    def _sum(self, env: Env, progress: float) -> Score:
        total = 0.0
        values: dict[str, float] = {}
        failed: dict[str, str] = {}
        for name, node, weight in self.terms:
            try:
                value = weight_at(weight, progress) * node.run(env)
            except UnscorableError as error:
                failed[name] = str(error)
                continue
            if not math.isfinite(value):
                failed[name] = "weight × value is too large a number"
                continue
            values[name] = value
            total += value
        if not failed and not math.isfinite(total):
            return Score(None, None, values, "the sum of the terms is too large a number", ("sum",))
        if failed:
            problem = "; ".join(f"{name} cannot be scored: {why}" for name, why in failed.items())
            return Score(None, None, values, problem, tuple(failed))
        return Score(total, None, values)


def check_reward(reward: Reward, form: Form = (), texts: tuple[str, ...] = ()) -> list[Finding]:
    """Everything wrong with a reward of texts of a form, in its own order; none means that `compile_reward` works. It
    may ask about the `texts` of a row, nearest first, and of judges, too."""
    return list(_reader(reward, form, texts).findings)


def compile_reward(reward: Reward, form: Form = (), texts: tuple[str, ...] = ()) -> CompiledReward:
    """Check and compile. Raises RewardError with all findings."""
    reader, names = _reader(reward, form, texts), {**names_of(form), **scope(texts, form)}
    if reader.findings:
        raise RewardError(reader.findings)
    nodes = [node for node, _ in reader.gates] + [node for _, node, _ in reader.terms]
    reads = frozenset(chain.from_iterable(node.reads for node in nodes))
    used = frozenset(chain.from_iterable(node.names for node in [*nodes, *reader.lets]))
    return CompiledReward(
        gates=tuple(reader.gates),
        terms=tuple(reader.terms),
        measures=tuple((name, names[name]) for name in sorted(reads)),
        unused=frozenset(binding.name for binding in reward.let) - used,
    )


@lru_cache(maxsize=256)
def _reader(reward: Reward, form: Form, texts: tuple[str, ...]) -> _Reader:
    """A reward is read when it is checked, when it is judged, and again for each variant that leaves it as it is."""
    return _Reader(reward, {**names_of(form), **scope(texts, form)})


def expressions(reward: Reward) -> list[str]:
    """All expressions of a reward, as text."""
    values = [gate.unless for gate in reward.gates] + [binding.value for binding in reward.let]
    return values + [term.value for term in reward.terms]


class _Reader:
    """One pass over a reward: nodes where it is sound, findings where it is not."""

    def __init__(self, reward: Reward, names: Mapping[str, type]) -> None:
        self.findings: list[Finding] = []
        self.gates: list[tuple[Node, float]] = []
        self.lets: list[Node] = []
        self.terms: list[tuple[str, Node, Ramp]] = []
        self._scope: dict[str, Symbol] = scope_of(names)
        self._measures = names
        # `let` first, because gates may use its names; findings are put in the order of the spec afterwards.
        self._let(reward.let)
        bound, self.findings = self.findings, []
        self._gates(reward.gates)
        self.findings += bound
        self._terms(reward.terms)

    def _node(self, text: str, place: Place, expect: type | None = None) -> Node | None:
        reading = read(text, self._scope, expect=expect)
        self.findings += [Finding(place, problem) for problem in reading.problems]
        return reading.node

    def _let(self, bindings: tuple[Binding, ...]) -> None:
        for at, binding in enumerate(bindings):
            place = ("let", binding.name)
            later = {other.name for other in bindings[at:]}
            faults = list(self._name_faults(binding.name))
            reading = read(binding.value, self._scope, later=later)
            self.findings += [Finding(place, Problem(1, fault), at_key=True) for fault in faults]
            self.findings += [Finding(place, problem) for problem in reading.problems]
            if not faults:
                self._scope[binding.name] = bind(binding.name, reading)
            if reading.node:
                self.lets.append(reading.node)

    def _name_faults(self, name: str) -> Iterator[str]:
        if not (name.isidentifier() and name.isascii()) or keyword.iskeyword(name):
            yield f"`{name}` cannot be a name in an expression"
        elif name in self._measures:
            yield f"`{name}` is a measure and cannot be defined again"
        elif name in FUNCTION_NAMES:
            yield f"`{name}` is a function and cannot be defined again"
        elif name in self._scope:
            yield f"`{name}` is defined twice"

    def _gates(self, gates: tuple[RewardGate, ...]) -> None:
        for number, gate in enumerate(gates):
            node = self._node(gate.unless, ("gates", number, "unless"), bool)
            if node:
                self.gates.append((node, gate.reward))

    def _terms(self, terms: tuple[RewardTerm, ...]) -> None:
        if not terms:
            self.findings.append(Finding(("terms",), Problem(1, "a reward needs at least one term"), at_key=True))
        seen: set[str] = set()
        for term in terms:
            if term.name in seen:
                problem = Problem(1, f"two terms are called `{term.name}`")
                self.findings.append(Finding(("terms", term.name), problem, at_key=True))
            seen.add(term.name)
            node = self._node(term.value, ("terms", term.name, "value"))
            if node:
                self.terms.append((term.name, node, term.weight))


def weight_at(ramp: Ramp, progress: float) -> float:
    """Linear, and exactly `first` and `last` at the ends."""
    if ramp.first == ramp.last:
        return ramp.first
    return (1.0 - progress) * ramp.first + progress * ramp.last
