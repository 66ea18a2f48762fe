"""The reward of one response, part by part, for people: every gate, `let` and term with its value, or why it has none.

The verdict is `CompiledReward.score` itself, so what is shown can never differ from what is trained on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cotspec.cot.expr import Env, Node, UnscorableError
from cotspec.cot.rewards import CompiledReward, Score, weight_at
from cotspec.spec.payload import Binding, Reward, RewardGate, RewardTerm

Outcome = Literal["passed", "failed", "not_reached", "unscorable"]


@dataclass(frozen=True, kw_only=True, slots=True)
class GateTrial:
    """A gate and what came of it."""

    gate: RewardGate
    outcome: Outcome
    problem: str = ""
    """Why it cannot be scored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LetValue:
    """A `let` name and its value; None when nothing that was computed needed it."""

    binding: Binding
    value: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TermTrial:
    """A term: weight × value = product, or why there is none. Computed also when a gate decided."""

    term: RewardTerm
    weight: float
    value: float | None = None
    product: float | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Breakdown:
    """A reward on one response."""

    gates: tuple[GateTrial, ...]
    lets: tuple[LetValue, ...]
    terms: tuple[TermTrial, ...]
    score: Score
    """What training would use; its total is None when it cannot be scored."""


def break_down(
    compiled: CompiledReward, reward: Reward, measures: Mapping[str, bool | int | float], *, progress: float
) -> Breakdown:
    """Score one response. `compiled` is `reward` compiled; a measure left out spoils only what reads it."""
    score = compiled.score(measures, progress)
    env = compiled.usable(measures)
    gates = _gates(compiled, reward, env)
    terms = tuple(
        _term(term, node, env, weight=weight_at(weight, progress))
        for term, (_, node, weight) in zip(reward.terms, compiled.terms, strict=True)
    )
    lets = tuple(LetValue(binding=let, value=env.get(let.name)) for let in reward.let)
    return Breakdown(gates=gates, lets=lets, terms=terms, score=score)


def _gates(compiled: CompiledReward, reward: Reward, env: Env) -> tuple[GateTrial, ...]:
    trials: list[GateTrial] = []
    decided = False
    for gate, (condition, _) in zip(reward.gates, compiled.gates, strict=True):
        trial = GateTrial(gate=gate, outcome="not_reached") if decided else _gate(gate, condition, env)
        decided = decided or trial.outcome != "passed"
        trials.append(trial)
    return tuple(trials)


def _gate(gate: RewardGate, condition: Node, env: Env) -> GateTrial:
    try:
        return GateTrial(gate=gate, outcome="passed" if condition.run(env) else "failed")
    except UnscorableError as error:
        return GateTrial(gate=gate, outcome="unscorable", problem=str(error))


def _term(term: RewardTerm, node: Node, env: Env, *, weight: float) -> TermTrial:
    try:
        value = node.run(env)
    except UnscorableError as error:
        return TermTrial(term=term, weight=weight, problem=str(error))
    product = weight * value
    if not math.isfinite(product):
        return TermTrial(term=term, weight=weight, value=float(value), problem="weight × value is too large a number")
    return TermTrial(term=term, weight=weight, value=float(value), product=product)
