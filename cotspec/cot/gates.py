"""Transitions between stages: which checkpoint goes on, whether it reached what is required, and the record of why.

Owns the decision. Must not know where metrics come from or what a stopped pipeline does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal, assert_never

from cotspec.spec import payload

#: The end of a metric's name (`valid.tokens`) when less is better.
LESS_IS_BETTER: Final = frozenset({"tokens", "words", "steps", "loss", "entropy", "kl", "truncated", "ungradable"})


class GateError(ValueError):
    """No checkpoint can be chosen; says which there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A checkpoint: `path` inside the stage's out folder (`model` or `checkpoints/120`), its metrics by full name."""

    path: str
    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """One requirement, held against the metrics."""

    metric: str
    op: Literal["<", "<=", "==", "!=", ">=", ">"]
    value: float
    measured: float | None
    """None when it was not measured (or is not a number); then `passed` is False and `problem` says why."""
    passed: bool
    problem: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What gate.json holds, in this order."""

    checkpoint: str
    step: int
    reason: str
    """Why this checkpoint was chosen."""
    passed: bool
    """Whether all requirements hold."""
    checks: tuple[Decision, ...]

    def record(self) -> dict[str, object]:
        """As JSON data."""
        return asdict(self)


def holds(requirement: payload.Requirement, metrics: Mapping[str, float]) -> Decision:
    """Whether a requirement holds. A metric that is missing or not a number fails, and says so."""
    measured = metrics.get(requirement.metric)
    problem = ""
    if measured is None:
        problem = f"`{requirement.metric}` was not measured; there are {_names(metrics)}"
    elif math.isnan(measured):
        measured, problem = None, f"`{requirement.metric}` is not a number"
    return Decision(
        metric=requirement.metric,
        op=requirement.op,
        value=requirement.value,
        measured=measured,
        passed=measured is not None and _compare(measured, requirement),
        problem=problem,
    )


def choose(rule: payload.Checkpoint, candidates: Sequence[Candidate]) -> tuple[Candidate, str]:
    """The checkpoint that goes on, and why. A tie goes to the earliest step. Raises GateError when there is none."""
    if not candidates:
        raise GateError("the stage left no checkpoint to choose from")
    match rule:
        case payload.Final():
            last = max(candidates, key=lambda candidate: (candidate.step, candidate.path == "model"))
            return last, f"the final weights (step {last.step})"
        case payload.AtStep():
            return _at_step(rule.step, candidates), f"step {rule.step} was asked for"
        case payload.Best():
            return _best(rule.metric, candidates)
        case _:
            assert_never(rule)


def decide(
    rule: payload.Checkpoint, require: Sequence[payload.Requirement], candidates: Sequence[Candidate]
) -> Verdict:
    """Choose a checkpoint and hold it against every requirement. Raises GateError when none can be chosen."""
    chosen, reason = choose(rule, candidates)
    checks = tuple(holds(requirement, chosen.metrics) for requirement in require)
    passed = all(check.passed for check in checks)
    return Verdict(checkpoint=chosen.path, step=chosen.step, reason=reason, passed=passed, checks=checks)


def _at_step(step: int, candidates: Sequence[Candidate]) -> Candidate:
    for candidate in candidates:
        if candidate.step == step:
            return candidate
    steps = ", ".join(str(known) for known in sorted({candidate.step for candidate in candidates}))
    raise GateError(f"there is no checkpoint of step {step}; the stage kept {steps}")


def _best(metric: str, candidates: Sequence[Candidate]) -> tuple[Candidate, str]:
    unmeasured = [c for c in candidates if math.isnan(c.metrics.get(metric, math.nan))]
    if unmeasured:
        first = unmeasured[0]
        raise GateError(f"`{metric}` was not measured for `{first.path}`; there are {_names(first.metrics)}")
    less = metric.rpartition(".")[2] in LESS_IS_BETTER
    sign = 1.0 if less else -1.0
    best = min(candidates, key=lambda candidate: (sign * candidate.metrics[metric], candidate.step))
    word = "lowest" if less else "highest"
    return best, f"{word} `{metric}` of {len(candidates)} candidates: {best.metrics[metric]:g} at step {best.step}"


def _compare(measured: float, requirement: payload.Requirement) -> bool:
    match requirement.op:
        case "<":
            return measured < requirement.value
        case "<=":
            return measured <= requirement.value
        case "==":
            return measured == requirement.value
        case "!=":
            return measured != requirement.value
        case ">=":
            return measured >= requirement.value
        case ">":
            return measured > requirement.value
        case _:
            assert_never(requirement.op)


def _names(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(metrics)) or "none"
