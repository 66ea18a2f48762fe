"""Which questions a model still gets wrong."""

from __future__ import annotations

import pytest

from cotspec.cot.grading_rules import Grade
from cotspec.cot.mining import is_failure, summarise


@pytest.mark.parametrize(
    ("correct", "all_wrong", "any_wrong"),
    [
        ([False, False], True, True),
        ([True, False], False, True),
        ([True, True], False, False),
        ([False], True, True),
    ],
)
def test_the_rule_decides_by_all_or_any_wrong_attempt(correct: list[bool], all_wrong: bool, any_wrong: bool) -> None:
    assert (is_failure(correct, "all_wrong"), is_failure(correct, "any_wrong")) == (all_wrong, any_wrong)


@pytest.mark.parametrize("keep", ["all_wrong", "any_wrong"])
def test_a_question_nobody_tried_is_an_error_and_not_a_failure(keep: str) -> None:
    with pytest.raises(
        ValueError, match=r"^a question without attempts cannot be judged: generation returned nothing for it$"
    ):
        is_failure([], keep)  # type: ignore[arg-type]


def test_the_summary_counts_questions_attempts_and_how_often_each_was_right() -> None:
    right, wrong, bad = Grade.RIGHT, Grade.WRONG, Grade.UNGRADABLE
    summary = summarise([[right, right], [right, wrong], [wrong, bad], [wrong, wrong]], "all_wrong")
    assert summary.ungradable_attempts == 1
    assert (summary.questions, summary.failures, summary.attempts, summary.correct_attempts) == (4, 2, 8, 3)
    assert summary.by_correct == {"0": 2, "1": 1, "2": 1}


def test_a_summary_of_nothing_counts_nothing() -> None:
    assert summarise([], "any_wrong").by_correct == {}
