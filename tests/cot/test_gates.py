"""Which checkpoint goes on, and whether it may."""

from __future__ import annotations

import json
import math

import pytest

from cotspec.cot.gates import Candidate, GateError, choose, decide, holds
from cotspec.spec import payload


def candidate(step: int, **metrics: float) -> Candidate:
    named = {f"valid.{name}": value for name, value in metrics.items()}
    return Candidate(path=f"checkpoints/{step}", step=step, metrics=named)


def need(op: str, value: float, metric: str = "valid.accuracy") -> payload.Requirement:
    return payload.Requirement(metric=metric, op=op, value=value)


def best(metric: str) -> payload.Best:
    return payload.Best(metric=metric, every=50)


@pytest.mark.parametrize(
    ("op", "below", "equal", "above"),
    [
        ("<", True, False, False),
        ("<=", True, True, False),
        ("==", False, True, False),
        ("!=", True, False, True),
        (">=", False, True, True),
        (">", False, False, True),
    ],
)
def test_requirements_compare_as_written(op: str, below: bool, equal: bool, above: bool) -> None:
    measured = [holds(need(op, 0.5), {"valid.accuracy": value}).passed for value in (0.4, 0.5, 0.6)]
    assert measured == [below, equal, above]


@pytest.mark.parametrize("op", ["<", "!=", ">="])
@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ({"train.reward": 1.0, "train.formatted": 0.9}, "not measured; there are `train.formatted`, `train.reward`"),
        ({}, "there are none"),
        ({"valid.accuracy": math.nan}, "not a number"),
    ],
)
def test_what_was_not_measured_fails_and_says_what_was(op: str, metrics: dict[str, float], message: str) -> None:
    decision = holds(need(op, 0.5), metrics)
    assert (decision.passed, decision.measured) == (False, None)
    assert message in decision.problem


CANDIDATES = [
    candidate(150, accuracy=0.8, tokens=90),
    candidate(50, accuracy=0.7, tokens=80),
    candidate(100, accuracy=0.8, tokens=80),
]


@pytest.mark.parametrize(
    ("rule", "step"),
    [
        (payload.Final(), 150),
        (payload.AtStep(step=50), 50),
        (best("valid.accuracy"), 100),
        (best("valid.tokens"), 50),
    ],
    ids=["final", "step", "best_earliest_of_a_tie", "fewest_tokens"],
)
def test_each_rule_chooses_its_checkpoint(rule: payload.Checkpoint, step: int) -> None:
    chosen, reason = choose(rule, CANDIDATES)
    assert chosen.step == step
    assert str(step) in reason


def test_the_final_weights_are_preferred_to_a_checkpoint_of_the_same_step() -> None:
    final = Candidate(path="model", step=150, metrics={})
    assert choose(payload.Final(), [*CANDIDATES, final])[0].path == "model"


@pytest.mark.parametrize(
    ("rule", "candidates", "message"),
    [
        (payload.AtStep(step=7), CANDIDATES, "step 7; the stage kept 50, 100, 150"),
        (best("valid.reward"), CANDIDATES, "not measured for `checkpoints/150`; there are `valid.accuracy`"),
        (best("valid.accuracy"), [candidate(1, accuracy=math.nan)], "not measured"),
        (payload.Final(), [], "no checkpoint"),
    ],
)
def test_without_a_checkpoint_to_choose_the_error_says_which_there_are(
    rule: payload.Checkpoint, candidates: list[Candidate], message: str
) -> None:
    with pytest.raises(GateError, match=message):
        choose(rule, candidates)


def test_the_record_says_what_was_chosen_and_which_requirement_failed() -> None:
    verdict = decide(best("valid.accuracy"), [need(">=", 0.75), need("<", 70, "valid.tokens")], CANDIDATES)
    record = json.loads(json.dumps(verdict.record()))
    assert (record["checkpoint"], record["passed"]) == ("checkpoints/100", False)
    assert [(check["metric"], check["measured"], check["passed"]) for check in record["checks"]] == [
        ("valid.accuracy", 0.8, True),
        ("valid.tokens", 80, False),
    ]


def test_without_requirements_the_chosen_checkpoint_passes() -> None:
    assert decide(payload.Final(), [], CANDIDATES).passed
