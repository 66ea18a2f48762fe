"""A reward taken apart says what `score` says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_samples import QUICK

from cotspec.cot.breakdown import break_down
from cotspec.cot.rewards import compile_reward
from cotspec.spec.payload import Binding, Ramp, Reward, RewardGate, RewardTerm

ONE = Ramp(first=1.0, last=1.0)
REWARD = Reward(
    gates=(RewardGate(unless="correct", reward=-2.0), RewardGate(unless="words < cap", reward=-1.0)),
    let=(Binding(name="cap", value="20 * teacher_steps"), Binding(name="idle", value="1 / tokens")),
    terms=(
        RewardTerm(name="long", value="words / (steps - 2)", weight=Ramp(first=0.0, last=0.5)),
        RewardTerm(name="right", value="correct", weight=ONE),
    ),
)
GOOD = {"correct": True, "formatted": True, "steps": 4, "words": 30, "tokens": 50, "teacher_steps": 3}


@given(
    correct=st.booleans(),
    steps=st.integers(0, 4),
    words=st.integers(0, 100),
    missing=st.sampled_from(["", "correct", "words", "teacher_steps"]),
    progress=st.floats(0, 1),
)
@QUICK
def test_the_parts_add_up_to_what_training_uses(
    correct: bool, steps: int, words: int, missing: str, progress: float
) -> None:
    compiled = compile_reward(REWARD)
    measures = {**GOOD, "correct": correct, "steps": steps, "words": words}
    measures.pop(missing, None)
    parts, score = break_down(compiled, REWARD, measures, progress=progress), compiled.score(measures, progress)
    assert parts.score == score
    failed = [at for at, trial in enumerate(parts.gates) if trial.outcome == "failed"]
    assert failed == ([] if score.gate is None else [score.gate])
    products = [trial.product for trial in parts.terms]
    if score.gate is None and score.total is not None:
        assert [trial.outcome for trial in parts.gates] == ["passed", "passed"]
        assert sum(product for product in products if product is not None) == pytest.approx(score.total)
    for trial in parts.terms:
        assert (trial.product is None) == bool(trial.problem)
        if trial.product is not None and trial.value is not None:
            assert trial.product == pytest.approx(trial.value * trial.weight)
    if score.total is None:
        assert any(trial.outcome == "unscorable" for trial in parts.gates) or None in products


def test_a_gate_that_fails_hides_those_after_it_and_the_terms_are_still_computed() -> None:
    parts = break_down(compile_reward(REWARD), REWARD, {**GOOD, "correct": False}, progress=1.0)
    assert [trial.outcome for trial in parts.gates] == ["failed", "not_reached"]
    assert parts.score.total == -2.0
    assert [(trial.term.name, trial.value, trial.weight) for trial in parts.terms] == [
        ("long", 15.0, 0.5),
        ("right", 0.0, 1.0),
    ]


def test_a_let_has_its_value_where_something_needed_it() -> None:
    parts = break_down(compile_reward(REWARD), REWARD, GOOD, progress=0.0)
    assert [(let.binding.name, let.value) for let in parts.lets] == [("cap", 60.0), ("idle", None)]


def test_what_cannot_be_scored_says_why_and_has_no_number() -> None:
    parts = break_down(compile_reward(REWARD), REWARD, {**GOOD, "steps": 2}, progress=0.5)
    assert parts.score.total is None
    assert parts.terms[0].product is None
    assert parts.terms[0].problem == "`words / (steps - 2)` divides by zero"
    assert parts.terms[1].product == 1.0
