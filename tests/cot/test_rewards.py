"""Rewards: A and B of the method as published, gates, `let`, schedules, and that a failure never becomes a number."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cotspec.cot.measures import MEASURES
from cotspec.cot.rewards import CompiledReward, RewardError, check_reward, compile_reward
from cotspec.spec import experiment, payload

REWARD_A = """
gates:
  - {unless: correct, reward: -2.0}
  - {unless: formatted, reward: -1.0}
let: {budget: 35 * teacher_steps}
terms:
  solved:      {value: 1.0}
  fewer_steps: {value: "clip(teacher_steps - steps, 0, 3)", weight: 0.3}
  brevity:
    value: >-
      max(-0.01 * (words - budget), -1.0) if words > budget else
      -0.002 * (words - 0.8 * budget) if words > 0.8 * budget else
      min(0.001 * (0.8 * budget - words), 0.2)
"""
REWARD_B = """
gates: [{unless: correct, reward: -2.0}, {unless: formatted, reward: -1.0}]
terms:
  solved:   {value: 1.0}
  shorter:  {value: "curve(words / teacher_words, [0.2, 0.8], [0.5, 0.5], [0.8, 0], [1.0, 0], [2.0, -0.5])"}
"""


def lowered(text: str) -> payload.Reward:
    """A reward as it stands in a spec → as it stands in a payload."""
    spec = experiment.Reward.model_validate_json(json.dumps(yaml.safe_load(text)))

    def ramp(weight: float | experiment.Ramp) -> payload.Ramp:
        if isinstance(weight, experiment.Ramp):
            return payload.Ramp(first=weight.from_, last=weight.to)
        return payload.Ramp(first=weight, last=weight)

    return payload.Reward(
        gates=tuple(payload.RewardGate(unless=gate.unless, reward=gate.reward) for gate in spec.gates),
        let=tuple(payload.Binding(name=name, value=str(value)) for name, value in spec.let.items()),
        terms=tuple(
            payload.RewardTerm(name=name, value=str(term.value), weight=ramp(term.weight))
            for name, term in spec.terms.items()
        ),
    )


def compiled(text: str) -> CompiledReward:
    return compile_reward(lowered(text))


def measures(**changed: bool | float) -> dict[str, bool | int | float]:
    usual: dict[str, bool | int | float] = {
        "correct": True, "formatted": True, "steps": 3, "words": 100, "tokens": 150,
        "teacher_steps": 4, "teacher_words": 200, "teacher_tokens": 300,
    }  # fmt: skip
    return usual | changed


# --- the published rewards, written a second time straight from the method's description ---------------------------


def published_a(correct: bool, formatted: bool, steps: int, n: int, w: int) -> float:
    if not correct:
        return -2.0
    if not formatted:
        return -1.0
    budget = 35 * n
    fewer = n - steps
    if fewer < 0:
        fewer = 0
    if fewer > 3:
        fewer = 3
    if w > budget:
        t = -0.01 * (w - budget)
        if t < -1.0:
            t = -1.0
    elif w > 0.8 * budget:
        t = -0.002 * (w - 0.8 * budget)
    else:
        t = 0.001 * (0.8 * budget - w)
        if t > 0.2:
            t = 0.2
    return 1.0 + 0.3 * fewer + t


def published_a_exactly(steps: int, n: int, w: int) -> Fraction:
    """Of a right, well-formed answer, without any rounding."""
    budget = Fraction(35 * n)
    if w > budget:
        t = max(-(w - budget) / 100, Fraction(-1))
    elif w > budget * 4 / 5:
        t = -(w - budget * 4 / 5) / 500
    else:
        t = min((budget * 4 / 5 - w) / 1000, Fraction(1, 5))
    return 1 + Fraction(3, 10) * min(max(n - steps, 0), 3) + t


def published_b_exactly(w: int, teacher: int) -> Fraction:
    """Of a right, well-formed answer, without any rounding."""
    points = [("0.2", "0.8"), ("0.5", "0.5"), ("0.8", "0"), ("1.0", "0"), ("2.0", "-0.5")]
    knots = [(Fraction(x), Fraction(y)) for x, y in points]
    rho = Fraction(w, teacher)
    if rho <= knots[0][0]:
        return 1 + knots[0][1]
    for (x0, y0), (x1, y1) in pairwise(knots):
        if rho <= x1:
            return 1 + y0 + (y1 - y0) * (rho - x0) / (x1 - x0)
    return 1 + knots[-1][1]


@pytest.mark.parametrize("n", range(1, 13))
def test_reward_a_is_the_published_one_for_every_length_and_number_of_steps(n: int) -> None:
    reward = compiled(REWARD_A)
    edges = {28 * n, 35 * n, 35 * n + 100, max(28 * n - 200, 0)}
    lengths = sorted({w for edge in edges for w in range(max(edge - 2, 0), edge + 3)} | {0, 1, 10_000})
    for w in lengths:
        for steps in range(n + 3):
            score = reward.score(measures(words=w, steps=steps, teacher_steps=n), 0.5)
            assert score.total == published_a(True, True, steps, n, w)
            assert score.total == pytest.approx(float(published_a_exactly(steps, n, w)), abs=1e-12)


@pytest.mark.parametrize(
    ("words", "steps", "expected"),
    [
        (140, 4, 1.0 - 0.056),  # w = B is still in the middle branch: t jumps just above it
        (141, 4, 1.0 - 0.01),
        (240, 4, 0.0),
        (241, 4, 0.0),
        (112, 4, 1.0),  # w = 0.8 B
        (113, 4, 1.0 - 0.002),
        (111, 4, 1.0 + 0.001),
        (0, 4, 1.0 + 0.112),
        (112, 5, 1.0),
        (112, 3, 1.3),
        (112, 1, 1.9),
        (112, 0, 1.9),
    ],
)
def test_reward_a_at_its_edges_with_four_teacher_steps(words: int, steps: int, expected: float) -> None:
    score = compiled(REWARD_A).score(measures(words=words, steps=steps), 0.0)
    assert score.total == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (0, 1.8), (10, 1.8), (20, 1.8), (35, 1.65), (50, 1.5), (65, 1.25), (80, 1.0), (90, 1.0),
        (100, 1.0), (150, 0.75), (200, 0.5), (201, 0.5), (9999, 0.5),
    ],
)  # fmt: skip
def test_reward_b_at_its_knots_between_and_outside(words: int, expected: float) -> None:
    score = compiled(REWARD_B).score(measures(words=words, teacher_words=100), 0.0)
    assert score.total == pytest.approx(expected, abs=1e-12)
    if words in (20, 50, 80, 100, 200):
        assert score.total == expected


@given(words=st.integers(0, 3000), teacher=st.integers(1, 1500))
def test_reward_b_is_the_published_one_for_any_lengths(words: int, teacher: int) -> None:
    score = compiled(REWARD_B).score(measures(words=words, teacher_words=teacher), 1.0)
    assert score.total == pytest.approx(float(published_b_exactly(words, teacher)), abs=1e-12)


@pytest.mark.parametrize("text", [REWARD_A, REWARD_B], ids=["A", "B"])
@pytest.mark.parametrize(
    ("correct", "formatted", "total", "gate"), [(False, True, -2.0, 0), (False, False, -2.0, 0), (True, False, -1.0, 1)]
)
def test_the_first_gate_that_fails_decides_alone(
    text: str, correct: bool, formatted: bool, total: float, gate: int
) -> None:
    score = compiled(text).score(measures(correct=correct, formatted=formatted), 0.5)
    assert (score.total, score.gate, score.terms, score.problem) == (total, gate, {}, "")


def test_a_gate_needs_nothing_the_terms_could_not_compute() -> None:
    score = compiled(REWARD_B).score(measures(correct=False, teacher_words=0), 0.5)
    assert score.total == -2.0


# --- what cannot be scored --------------------------------------------------------------------------------------------


def test_a_term_that_cannot_be_computed_is_named_and_the_total_is_missing() -> None:
    score = compiled(REWARD_B).score(measures(teacher_words=0), 0.5)
    assert score.total is None
    assert score.gate is None
    assert score.unscored == ("shorter",)
    assert score.terms == {"solved": 1.0}
    assert score.problem == "shorter cannot be scored: `words / teacher_words` divides by zero"


@pytest.mark.parametrize("weight", ["0", "1.0e+308"])
def test_a_failed_term_counts_whatever_its_weight(weight: str) -> None:
    reward = compiled(f"terms: {{a: {{value: 1.0}}, b: {{value: log(words), weight: {weight}}}}}")
    assert reward.score(measures(words=0), 0.0).unscored == ("b",)


def test_every_term_that_fails_is_counted() -> None:
    reward = compiled("terms: {a: {value: log(words)}, b: {value: 1 / words}, c: {value: sqrt(words)}}")
    score = reward.score(measures(words=0), 0.0)
    assert (score.total, score.unscored, score.terms) == (None, ("a", "b"), {"c": 0.0})


def test_a_gate_that_cannot_be_computed_stops_the_scoring() -> None:
    reward = compiled(
        "{gates: [{unless: correct, reward: -2}, {unless: 1 / words < 1, reward: -1}], terms: {a: {value: 1}}}"
    )
    score = reward.score(measures(words=0), 0.0)
    assert (score.total, score.gate, score.terms, score.unscored) == (None, None, {}, ("gate 2",))
    assert score.problem == "gate 2 cannot be scored: `1 / words` divides by zero"


@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -math.inf, True, "100", 10**400])
def test_a_measure_that_is_not_a_usable_number_spoils_what_reads_it_and_nothing_else(bad: Any) -> None:
    reward = compiled("terms: {length: {value: words}, depth: {value: steps}}")
    score = reward.score(measures() | {"words": bad}, 0.0)
    assert (score.total, score.unscored, score.terms) == (None, ("length",), {"depth": 3.0})
    assert "`words` has no usable value" in score.problem


@pytest.mark.parametrize("bad", [None, 1, 0.0, "yes"])
def test_a_condition_that_is_not_a_bool_is_not_guessed(bad: Any) -> None:
    score = compiled(REWARD_A).score(measures() | {"correct": bad}, 0.0)
    assert (score.total, score.unscored) == (None, ("gate 1",))


def test_a_missing_measure_is_reported() -> None:
    given = measures()
    del given["teacher_steps"]
    score = compiled(REWARD_A).score(given, 0.0)
    assert score.unscored == ("fewer_steps", "brevity")


def test_too_large_a_sum_is_not_a_reward() -> None:
    reward = compiled("terms: {a: {value: words, weight: 1.0e+308}}")
    assert reward.score(measures(words=1), 0.0).total == 1e308
    assert reward.score(measures(words=2), 0.0).unscored == ("a",)
    both = compiled("terms: {a: {value: 1.0e+308}, b: {value: 1.0e+308}}").score(measures(), 0.0)
    assert both.total is None
    assert both.problem


@given(
    st.dictionaries(st.sampled_from(sorted(MEASURES)), st.one_of(st.none(), st.booleans(), st.integers(), st.floats())),
    st.sampled_from([REWARD_A, REWARD_B]),
)
def test_a_score_is_a_finite_number_or_says_why_there_is_none(given: dict[str, float], text: str) -> None:
    score = compiled(text).score(given, 0.5)
    if score.total is None:
        assert score.problem
        assert score.unscored
    else:
        assert math.isfinite(score.total)
        assert score.gate is not None or sum(score.terms.values()) == score.total


# --- weights, let, types ----------------------------------------------------------------------------------------------


def test_a_weight_moves_linearly_and_is_exact_at_both_ends() -> None:
    reward = compiled("terms: {a: {value: words, weight: {from: 0.1, to: 0.7}}}")
    totals = [reward.score(measures(words=1), progress).total for progress in (0.0, 0.5, 1.0)]
    assert totals == [0.1, pytest.approx(0.4), 0.7]


@pytest.mark.parametrize("weight", [0.3, -0.1, 0.7])
def test_a_fixed_weight_stays_what_it_is_all_the_way(weight: float) -> None:
    reward = compiled(f"terms: {{a: {{value: 1.0, weight: {weight}}}}}")
    assert {reward.score(measures(), k / 97).total for k in range(98)} == {weight}


@pytest.mark.parametrize("progress", [-0.1, 1.1, math.nan])
def test_progress_outside_the_run_is_a_mistake_of_the_caller(progress: float) -> None:
    with pytest.raises(ValueError, match="progress"):
        compiled(REWARD_A).score(measures(), progress)


def test_a_condition_as_a_value_counts_one_or_zero() -> None:
    reward = compiled("terms: {solved: {value: correct, weight: 0.5}, short: {value: words < 50}}")
    assert reward.score(measures(), 0.0).terms == {"solved": 0.5, "short": 0.0}


def test_let_names_build_on_each_other_and_may_be_conditions_and_serve_gates() -> None:
    reward = compiled(
        """
        gates: [{unless: brief, reward: -1}]
        let: {budget: 35 * teacher_steps, limit: budget + 1, brief: words < limit}
        terms: {a: {value: limit - words if brief else 0}}
        """
    )
    assert reward.score(measures(words=140), 0.0).total == 1.0
    assert reward.score(measures(words=141), 0.0).total == -1.0


def test_a_let_name_that_is_never_reached_cannot_fail() -> None:
    reward = compiled("{let: {rho: words / teacher_words}, terms: {a: {value: rho if teacher_words > 0 else 2}}}")
    assert reward.score(measures(teacher_words=0), 0.0).total == 2.0
    assert reward.score(measures(), 0.0).total == 0.5


@pytest.mark.parametrize("words", [0, 1])
def test_a_let_name_is_computed_once_however_often_it_is_used(words: int) -> None:
    # Without keeping values this takes 2^60 additions.
    doubled = ", ".join(f"a{k}: a{k - 1} + a{k - 1}" for k in range(1, 61))
    reward = compiled(f"{{let: {{a0: words, {doubled}}}, terms: {{t: {{value: a60}}}}}}")
    assert reward.score(measures(words=words), 0.0).total == words * 2.0**60


def test_scores_of_one_reward_do_not_influence_each_other() -> None:
    reward = compiled(REWARD_A)
    first = reward.score(measures(words=10), 0.0)
    reward.score(measures(words=500, teacher_steps=9), 0.0)
    assert reward.score(measures(words=10), 0.0) == first


def test_a_reward_tells_what_it_reads_and_which_let_names_are_idle() -> None:
    reward = compiled("{let: {a: tokens, b: a + 1, c: steps}, terms: {t: {value: b}}}")
    assert reward.measures == (("tokens", int),)
    assert reward.unused == {"c"}


def chain(length: int) -> str:
    """A reward whose `let` names each add one to the one above."""
    links = ", ".join(f"a{k}: a{k - 1} + 1" for k in range(1, length))
    return f"{{let: {{a0: words, {links}}}, terms: {{t: {{value: a{length - 1}}}}}}}"


def test_a_long_chain_of_let_names_is_a_finding_and_not_a_stack_overflow() -> None:
    findings = check_reward(lowered(chain(400)))
    assert len(findings) == 1
    assert "inside one another" in findings[0].problem.message


def test_the_longest_chain_of_let_names_that_passes_can_be_scored() -> None:
    reward = compiled(chain(140))
    assert reward.score(measures(words=1), 0.0).total == 140.0


@pytest.mark.parametrize(
    ("text", "place", "column", "says", "at_key"),
    [
        ("{gates: [{unless: words, reward: -1}], terms: {a: {value: 1}}}",
         ("gates", 0, "unless"), 1, "condition", False),
        ("{gates: [{unless: correct, reward: -1}, {unless: corect, reward: 0}], terms: {a: {value: 1}}}",
         ("gates", 1, "unless"), 1, "`corect`", False),
        ("{terms: {a: {value: 1 + wrds}}}", ("terms", "a", "value"), 5, "`wrds`", False),
        ("{let: {words: correct}, terms: {a: {value: words + 1}}}", ("let", "words"), 1, "`words` is a measure", True),
        ("{let: {min: 3}, terms: {a: {value: 1}}}", ("let", "min"), 1, "`min` is a function", True),
        ("{let: {curve: 3}, terms: {a: {value: 1}}}", ("let", "curve"), 1, "`curve` is a function", True),
        ("{let: {lambda: 3}, terms: {a: {value: 1}}}", ("let", "lambda"), 1, "cannot be a name", True),
        ("{let: {a: 1 + b, b: 2}, terms: {t: {value: a + b}}}", ("let", "a"), 5, "`b` is not defined yet", False),
        ("{let: {a: a + 1}, terms: {t: {value: a}}}", ("let", "a"), 1, "`a` is not defined yet", False),
        ("{let: {ok: words > 3}, terms: {t: {value: ok + 1}}}", ("terms", "t", "value"), 1, "is a condition", False),
        ("{let: {rho: words / 2}, terms: {t: {value: roh}}}", ("terms", "t", "value"), 1, "`roh`", False),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_where_it_stands(
    text: str, place: tuple[str | int, ...], column: int, says: str, at_key: bool
) -> None:
    findings = check_reward(lowered(text))
    assert [(found.place, found.problem.column, found.at_key) for found in findings] == [(place, column, at_key)]
    assert says in findings[0].problem.message


def test_findings_come_in_the_order_of_the_reward_and_a_bad_let_name_is_told_once() -> None:
    reward = lowered("{gates: [{unless: ok, reward: 1}], let: {ok: wrds > 1, b: stps}, terms: {t: {value: b + tkens}}}")
    assert [found.place for found in check_reward(reward)] == [("let", "ok"), ("let", "b"), ("terms", "t", "value")]


def test_names_given_twice_and_a_reward_without_terms_are_findings() -> None:
    one = payload.Ramp(first=1.0, last=1.0)
    binding, term = payload.Binding(name="a", value="1"), payload.RewardTerm(name="t", value="a", weight=one)
    twice = payload.Reward(gates=(), let=(binding, binding), terms=(term, term))
    assert [found.place for found in check_reward(twice)] == [("let", "a"), ("terms", "t")]
    assert [found.place for found in check_reward(payload.Reward(gates=(), let=(), terms=()))] == [("terms",)]


def test_compiling_a_wrong_reward_raises_with_term_column_and_suggestion() -> None:
    with pytest.raises(RewardError) as caught:
        compiled("{terms: {a: {value: 1 + wrds}, b: {value: 2 *}}}")
    assert (caught.value.place, caught.value.column) == (("terms", "a", "value"), 5)
    assert len(caught.value.findings) == 2
    assert "reward terms.a.value (column 5): there is no measure `wrds`; did you mean `words`?" in str(caught.value)
