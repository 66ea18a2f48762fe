"""Conditions that decide which texts go on."""

from __future__ import annotations

import pytest

from cotspec.cot import conditions
from cotspec.cot.expr import UnscorableError
from cotspec.cot.grading_rules import Grade
from cotspec.cot.measures import own
from cotspec.cot.segment import segment
from cotspec.spec.payload import TraceFormat

FORMAT = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:")
TEXT = segment("Step 1: 2 + 2 = 4\nStep 2: so\nAnswer: 4", FORMAT)

DRAFT = segment("Answer: 5", FORMAT)


def meets(where: str, *, right: bool = True) -> bool:
    return conditions.meets(where, [own(TEXT, tokens=20, right=right), own(DRAFT, tokens=9, right=False)], 0.5)


@pytest.mark.parametrize(
    ("where", "met"),
    [
        ("text.correct", True),
        ("not text.correct", False),
        ("text.formatted and text.steps == 2", True),
        ("text.words <= 12", True),
        ("text.words < 12", False),
        ("text.tokens <= 20", True),
        ("0.2 <= text.score and text.score <= 0.8", True),
        ("text.score == 1", False),
        ("text.tokens / text.words > 2", False),
        ("text.correct and not text_1.correct", True),
        ("text_1.tokens < text.tokens and text_1.steps == 0", True),
        ("text_1.score == text.score", True),
    ],
)
def test_a_condition_asks_for_measures_of_the_text(where: str, met: bool) -> None:
    assert meets(where) is met


def test_a_text_that_is_not_right_is_not_correct() -> None:
    assert not meets("text.correct", right=False)


def test_a_condition_without_a_value_is_said_and_no_text_meets_it() -> None:
    with pytest.raises(UnscorableError, match="zero"):
        meets("1 / (text.steps - 2) > 0")


def test_the_score_is_the_share_of_right_texts_and_needs_one() -> None:
    assert conditions.score([Grade.RIGHT, Grade.WRONG, Grade.UNGRADABLE, Grade.RIGHT]) == 0.5
    with pytest.raises(ValueError, match="without texts"):
        conditions.score([])


def test_what_a_condition_reads_is_known() -> None:
    assert conditions.reads("text.score > 0.5 and text.correct", "score")
    assert not conditions.reads("text.words > 5", "score")


@pytest.mark.parametrize(
    ("where", "depth"),
    [("text.correct", 0), ("text_1.words < text.words", 1), ("text_12.steps > 1 or text_2.correct", 12)],
)
def test_how_far_back_a_condition_asks_is_known(where: str, depth: int) -> None:
    assert conditions.deepest(where) == depth


def test_a_score_is_known_of_the_texts_that_have_one_only() -> None:
    names = conditions.scope(["refined", "critique", "draft"], scored=["critique"])
    assert [name for name in names if name.endswith(".score")] == ["critique.score"]


@pytest.mark.parametrize(
    ("where", "met"),
    [
        ("text.words < 40 and text.words > 400", False),
        ("text.correct and not text.correct", False),
        ("text.score > 1", False),
        ("text.steps / text.words > 1 / (text.steps - text.steps)", False),
        ("text.words == 137", True),
        ("0.3 < text.score and text.score < 0.31 and text_1.tokens > 9000", True),
        ("text.correct and not text_1.correct and text.words < text_1.words", True),
    ],
)
def test_a_condition_that_no_text_meets_is_known_by_trying(where: str, met: bool) -> None:
    found, tried = conditions.met_by(where)
    assert (found > 0, 0 < tried <= 2_000) == (met, True)
