"""What rewards are tried on: responses that could be written, near everything the reward names, and not too many."""

from __future__ import annotations

import random
import time

import pytest

from cotspec.cot.measures import TABLE
from cotspec.cot.reward_trial import MOST, Trial, tried
from cotspec.cot.reward_trial_prompts import Limits
from cotspec.spec.payload import Binding, Ramp, Reward, RewardGate, RewardTerm

LIMITS = Limits(tokens=512, teacher_tokens=1024, teacher_steps=(1, 9))
ALL = " + ".join(name if each.kind is not bool else f"(1 if {name} else 0)" for name, each in TABLE.items())


def trial(
    *values: str, gates: tuple[str, ...] = (), let: dict[str, str] | None = None, limits: Limits = LIMITS
) -> Trial:
    reward = Reward(
        gates=tuple(RewardGate(unless=gate, reward=-1.0) for gate in gates),
        let=tuple(Binding(name=name, value=value) for name, value in (let or {}).items()),
        terms=tuple(RewardTerm(name=f"t{k}", value=v, weight=Ramp(first=1, last=1)) for k, v in enumerate(values)),
    )
    found = tried(reward, limits)
    assert found is not None
    return found


@pytest.mark.parametrize("value", [ALL, "steps / tokens", "1 if formatted else 0", "1 if correct else words"])
@pytest.mark.parametrize("tokens", [4, 90, 4096])
def test_every_response_could_be_written(value: str, tokens: int) -> None:
    found = trial(value, limits=LIMITS._replace(tokens=tokens))
    assert 4 <= len(found.all) <= MOST
    for one in found.all:
        measures = one.measures
        assert measures["steps"] <= measures["words"] <= measures["tokens"] <= tokens
        assert measures["teacher_steps"] <= measures["teacher_words"] <= measures["teacher_tokens"] <= 1024
        assert measures["steps"] >= measures["formatted"]
        assert measures["words"] >= measures["correct"]


def test_every_measure_that_is_read_takes_many_values_and_both_truths() -> None:
    found = trial(ALL)
    for name, each in TABLE.items():
        values = {one.measures[name] for one in found.all if name in one.measures}
        assert len(values) >= (2 if each.kind is bool or name == "rank" else 5), name


@pytest.mark.parametrize("value", ["rank", "words / group.right_words", "group.correct * (group.tokens - tokens)"])
@pytest.mark.parametrize("group", [2, 8])
def test_a_group_that_is_tried_could_be_one(value: str, group: int) -> None:
    """Its measures agree with one another and with the response that is in it."""
    found = trial(value, limits=LIMITS._replace(group=group))
    assert {one.measures["group.correct"] > 0 for one in found.all} == {True, False}
    for one in found.all:
        its, right = one.measures, round(one.measures["group.correct"] * group)
        assert its["group.correct"] == right / group
        assert ("rank" in its) == its["correct"]
        assert ("group.right_words" in its) == (right > 0)
        assert int(its["correct"]) <= right <= group - (not its["correct"])
        assert its["group.words"] <= its["group.tokens"] <= 512
        if its["correct"]:
            assert 1 <= its["rank"] <= right
            assert (right == 1) <= (its["group.right_words"] == its["words"])


def test_a_measure_without_a_value_is_told_by_the_one_that_decides() -> None:
    (of_none, of_wrong) = trial("words / group.right_words", "rank").undefined
    assert (of_none.said, of_none.reads) == ("`group.right_words` has no usable value", {"group.correct"})
    assert of_none.measures["group.correct"] == 0
    assert (of_wrong.said, of_wrong.reads) == ("`rank` has no usable value", {"correct"})
    assert trial("(1 if group.correct == 0 else words / group.right_words) + (rank if correct else 0)").undefined == ()
    assert trial("rank / (1 + words / group.right_words)", gates=("correct",)).undefined == ()


def test_what_is_named_or_computed_from_the_trace_is_tried_with_its_neighbours() -> None:
    found = trial("1 if words > budget else words / 173", let={"budget": "35 * teacher_steps"})
    assert {172, 173, 174} <= {one.measures["words"] for one in found.all}
    at = {35 * int(one.measures["teacher_steps"]) - int(one.measures["words"]) for one in found.all}
    assert {-1, 0, 1} <= at


def test_questions_are_those_of_an_earlier_run() -> None:
    found = trial("words / teacher_words", limits=LIMITS._replace(traces=((3, 77, 140), (5, 200, 330))))
    assert {one.measures["teacher_words"] for one in found.all} == {77, 200}
    assert all(one.question.usual for one in found.all)


def test_a_branch_behind_a_gate_is_untaken_for_the_gate() -> None:
    (branch,) = trial("1 if correct else -5", gates=("correct",)).untaken
    assert (branch.part.text, branch.test.text, branch.taken, branch.by_gates) == ("-5", "correct", True, True)


def test_a_branch_inside_an_untaken_branch_is_not_told_again() -> None:
    (branch,) = trial("(2 if words > 3 else 4) if words > 600 else 1").untaken
    assert (branch.part.text, branch.by_gates) == ("2 if words > 3 else 4", False)


def test_a_name_that_a_gate_uses_is_judged_on_all_responses() -> None:
    found = trial("points", gates=("points > 0",), let={"points": "1 if correct else -1"})
    assert list(found.untaken) == []


def test_each_thing_without_a_value_is_told_once_with_the_response() -> None:
    found = trial("1 / words", "2 / words + log(steps)", "1 / words").undefined
    assert sorted((one.said, sorted(one.reads)) for one in found) == [
        ("`1 / words` divides by zero", ["words"]),
        ("`2 / words` divides by zero", ["words"]),
        ("`log(steps)` takes the logarithm of 0", ["steps"]),
    ]
    assert all(one.measures[name] == 0 for one in found for name in one.reads)


@pytest.mark.parametrize(
    "value",
    ["clip(words / teacher_words, 0, 2)", "1 / max(steps, 1)", "sqrt(abs(words - 100))", "log(1 + tokens) - steps / 3"],
)
def test_what_no_tried_response_does_no_random_one_does(value: str) -> None:
    found, generator = trial(value), random.Random(5)
    values = [score for _, score in found.values("t0")]
    assert found.undefined == ()
    for _ in range(2000):
        tokens = generator.randint(1, 512)
        words = generator.randint(0, tokens)
        teacher = generator.randint(1, 1024)
        measures = {"steps": generator.randint(0, words), "words": words, "tokens": tokens}
        measures |= {"teacher_steps": 1, "teacher_words": teacher, "teacher_tokens": 1024}
        total = found.compiled.score(measures, 0.0).total
        assert total is not None
        assert min(values) - 1e-9 <= total <= max(values) + 1e-9


@pytest.mark.parametrize(
    "value",
    [
        f"max({', '.join(['words'] * 270)})",
        "1 if steps > 2 else " * 70 + "0",
        f"min({', '.join(['(words - 7) ** 2'] * 100)})",
        "(" * 35 + "words" + " + 1 if words > 5 else 2)" * 35,
    ],
)
def test_no_reward_takes_long_to_try(value: str) -> None:
    began = time.process_time()
    found = trial(*[value] * 20)
    assert found.untaken is not None
    assert found.undefined is not None
    assert time.process_time() - began < 5
