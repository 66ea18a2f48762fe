"""What is claimed of a reward holds for every completion, and what is shown about it is what the reward computes."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_expr_properties import Pair, conditions, numbers

from cotspec.cot import ranking, witness
from cotspec.cot.expr.interval import FALSE, TRUE
from cotspec.cot.limits import Limits, Measures, possible
from cotspec.cot.measures import MEASURES
from cotspec.cot.reward_bounds import Analysis, analyse
from cotspec.cot.rewards import compile_reward
from cotspec.spec.payload import Ramp, Reward, RewardGate, RewardTerm

LIMITS = Limits(tokens=300, teacher_tokens=400, teacher_steps=(1, 9))
ONE = Ramp(first=1.0, last=1.0)


def reward(*terms: str, gates: tuple[tuple[str, float], ...] = (), weights: tuple[Ramp, ...] = ()) -> Reward:
    given_weights = weights or (ONE,) * len(terms)
    return Reward(
        gates=tuple(RewardGate(unless=unless, reward=value) for unless, value in gates),
        let=(),
        terms=tuple(
            RewardTerm(name=f"t{at}", value=text, weight=weight)
            for at, (text, weight) in enumerate(zip(terms, given_weights, strict=True))
        ),
    )


@st.composite
def responses(draw: st.DrawFn) -> Measures:
    """Measures that one response can have within LIMITS."""
    tokens = draw(st.integers(1, LIMITS.tokens))
    words = draw(st.integers(0, tokens))
    steps = draw(st.integers(0, min(words, 12)))
    teacher_tokens = draw(st.integers(1, LIMITS.teacher_tokens))
    teacher_words = draw(st.integers(1, teacher_tokens))
    found: Measures = {
        "correct": draw(st.booleans()) and words > 0,
        "formatted": draw(st.booleans()) and steps > 0,
        "steps": steps,
        "words": words,
        "tokens": tokens,
        "teacher_steps": draw(st.integers(1, min(9, teacher_words))),
        "teacher_words": teacher_words,
        "teacher_tokens": teacher_tokens,
    }
    assert possible(found)
    return found


WEIGHTS = st.sampled_from([-1.0, 0.0, 0.3, 1.0, 2.0])
REWARDS = st.builds(
    lambda terms, gates, ends: reward(
        *(text for text, _ in terms),
        gates=tuple((text, value) for (text, _), value in gates),
        weights=tuple(Ramp(first=first, last=last) for first, last in ends[: len(terms)]),
    ),
    st.lists(numbers(2), min_size=1, max_size=2),
    st.lists(st.tuples(conditions(2), st.sampled_from([-2.0, -1.0, 0.0])), max_size=2),
    st.lists(st.tuples(WEIGHTS, WEIGHTS), min_size=2, max_size=2),
)


def analysed(given: Reward) -> Analysis:
    found = analyse(given, LIMITS)
    assume(found is not None)
    assert found is not None
    return found


@settings(max_examples=200, deadline=None)
@given(given=REWARDS, response=responses(), at=st.sampled_from([0.0, 1.0]))
def test_every_reward_lies_within_its_bounds(given: Reward, response: Measures, at: float) -> None:
    analysis = analysed(given)
    score = analysis.compiled.score(response, at)
    if score.total is None:
        return
    known = {"correct": TRUE if response["correct"] else FALSE}
    for bounds in (analysis.total(at, {}), analysis.total(at, known)):
        assert bounds is not None
        assert bounds.low - 1e-9 * abs(bounds.low) <= score.total <= bounds.high + 1e-9 * abs(bounds.high)


@settings(max_examples=200, deadline=None)
@given(given=REWARDS, response=responses())
def test_gates_decide_only_where_they_can_and_terms_stay_in_their_bounds(given: Reward, response: Measures) -> None:
    analysis = analysed(given)
    score = analysis.compiled.score(response, 0.0)
    if score.gate is not None:
        assert analysis.gates[score.gate].fails
    if score.total is None or score.gate is not None:
        return
    assert all(gate.passes for gate in analysis.gates)
    for name, node, _ in analysis.compiled.terms:
        bounds = analysis.terms[name]
        assert bounds is not None
        assert bounds.holds(float(node.run({key: float(value) for key, value in response.items()})))


@settings(max_examples=200, deadline=None)
@given(condition=conditions(2), inner=numbers(1), gate=conditions(1), response=responses())
def test_a_branch_that_is_never_taken_can_hold_anything(
    condition: Pair, inner: Pair, gate: Pair, response: Measures
) -> None:
    gates = ((gate[0], -1.0),)
    given = reward(f"{inner[0]} if {condition[0]} else words", gates=gates)
    analysis = analysed(given)
    for dead in analysis.dead:
        text = given.terms[0].value
        at, length = dead.branch.parsed.column(dead.branch.tree) - 1, dead.branch.parsed.length(dead.branch.tree)
        other = compile_reward(reward(f"{text[:at]}(987){text[at + length :]}", gates=gates))
        assert other.score(response, 0.0).total == analysis.compiled.score(response, 0.0).total


@settings(max_examples=100, deadline=None)
@given(given=REWARDS)
def test_a_shown_upset_is_one(given: Reward) -> None:
    analysis = analysed(given)
    found = witness.upset(analysis)
    if found is None:
        return
    wrong, right, at = found
    assert (wrong.measures["correct"], right.measures["correct"]) == (False, True)
    shared = ("formatted", "teacher_steps", "teacher_words", "teacher_tokens")
    assert [wrong.measures[name] for name in shared] == [right.measures[name] for name in shared]
    assert possible(wrong.measures)
    assert possible(right.measures)
    totals = [compile_reward(given).score(one.measures, at).total for one in (wrong, right)]
    assert totals == [wrong.total, right.total]
    assert wrong.total > right.total


@settings(max_examples=150, deadline=None)
@given(given=REWARDS)
def test_a_shown_failure_is_one(given: Reward) -> None:
    analysis = analysed(given)
    for part, kind in analysis.faults:
        found = witness.undefined(analysis, part, kind)
        if found is not None:
            assert possible(found.measures)
            assert found.said in compile_reward(given).score(found.measures, 0.0).problem


@settings(max_examples=150, deadline=None)
@given(given=REWARDS, a=responses(), b=responses())
def test_an_idle_term_changes_no_order(given: Reward, a: Measures, b: Measures) -> None:
    analysis = analysed(given)
    b = {**b, **{name: a[name] for name in ("teacher_steps", "teacher_words", "teacher_tokens")}}
    first, second = (analysis.compiled.score(one, 0.0) for one in (a, b))
    if first.total is None or second.total is None:
        return
    for name in ranking.order(analysis).idle:
        x, y = (score.total - score.terms.get(name, 0.0) for score in (first, second) if score.total is not None)
        slack = 1e-9 * max(1.0, abs(first.total), abs(second.total), abs(x), abs(y))
        if abs(first.total - second.total) > slack and abs(x - y) > slack:
            assert (first.total > second.total) == (x > y)


@pytest.mark.parametrize(
    ("terms", "gates", "deciding", "idle"),
    [
        (("1", "-words / 1000"), (("correct", -1.0),), {"t1"}, {"t0"}),
        (("1", "-words / 100"), (("correct", -1.0),), {"t0", "t1"}, set()),
        (("teacher_steps", "-words / 100"), (), {"t1"}, {"t0"}),
        (("1 if correct else 0", "0 if correct else 1"), (), {"t0", "t1"}, set()),
    ],
)
def test_terms_that_decide_an_order(
    terms: tuple[str, ...], gates: tuple[tuple[str, float], ...], deciding: set[str], idle: set[str]
) -> None:
    found = analyse(reward(*terms, gates=gates), LIMITS)
    assert found is not None
    order = ranking.order(found)
    assert (order.deciding, order.idle) == (deciding, idle)


def test_a_longer_limit_can_undo_a_proof() -> None:
    given = reward("1 if correct else 0", "-words / 1000")
    near, far = (analyse(given, LIMITS._replace(tokens=tokens)) for tokens in (1000, 1500))
    assert near is not None
    assert far is not None
    assert witness.upset(near) is None
    assert witness.upset(far) is not None


def test_a_reward_with_mistakes_has_no_analysis() -> None:
    assert analyse(reward("wrods"), LIMITS) is None


def test_lets_that_double_at_every_line_are_given_up_quickly() -> None:
    doubled = ["n0 = words"] + [f"n{at} = n{at - 1} + n{at - 1}" for at in range(1, 60)]
    lets = [{"name": line.split(" = ")[0], "value": line.split(" = ")[1]} for line in doubled]
    plain = reward("1 / words if n59 > 5 and n59 < 9 else n59")
    given = Reward.model_validate_json(
        plain.model_dump_json().replace('"let":[]', '"let":' + str(lets).replace("'", '"'))
    )
    found = analyse(given, LIMITS)
    assert found is None or found.bounds.work <= 20_000


def test_every_measure_has_bounds() -> None:
    assert LIMITS.ranges().keys() == MEASURES.keys()
