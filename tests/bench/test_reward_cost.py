"""What scoring one completion costs: the best of many short runs, in processor time, so a busy machine can pass."""

from __future__ import annotations

import time
import timeit

import pytest

from cotspec.cot.rewards import compile_reward
from cotspec.spec.payload import Binding, Ramp, Reward, RewardGate, RewardTerm

GATES = (RewardGate(unless="correct", reward=-2.0), RewardGate(unless="formatted", reward=-1.0))
ONE, THREE_TENTHS = Ramp(first=1.0, last=1.0), Ramp(first=0.3, last=0.3)
BREVITY = (
    "max(-0.01 * (words - budget), -1.0) if words > budget else -0.002 * (words - 0.8 * budget) "
    "if words > 0.8 * budget else min(0.001 * (0.8 * budget - words), 0.2)"
)
A = Reward(
    gates=GATES,
    let=(Binding(name="budget", value="35 * teacher_steps"),),
    terms=(
        RewardTerm(name="solved", value="1.0", weight=ONE),
        RewardTerm(name="fewer_steps", value="clip(teacher_steps - steps, 0, 3)", weight=THREE_TENTHS),
        RewardTerm(name="brevity", value=BREVITY, weight=ONE),
    ),
)
CURVE = "curve(words / teacher_words, [0.2, 0.8], [0.5, 0.5], [0.8, 0], [1.0, 0], [2.0, -0.5])"
B = Reward(
    gates=GATES,
    let=(),
    terms=(
        RewardTerm(name="solved", value="1.0", weight=ONE),
        RewardTerm(name="shorter", value=CURVE, weight=ONE),
    ),
)
MEASURES = {
    "correct": True,
    "formatted": True,
    "steps": 3,
    "words": 110,
    "tokens": 150,
    "teacher_steps": 4,
    "teacher_words": 200,
    "teacher_tokens": 300,
}


@pytest.mark.parametrize("reward", [pytest.param(A, id="A"), pytest.param(B, id="B")])
def test_scoring_one_completion_takes_less_than_20_microseconds(reward: Reward) -> None:
    compiled = compile_reward(reward)
    runs = timeit.repeat(lambda: compiled.score(MEASURES, 0.5), number=200, repeat=50, timer=time.process_time)
    assert min(runs) / 200 < 20e-6
