"""What a reward may ask about a response."""

from __future__ import annotations

import pytest

from cotspec.cot.measures import ALONE, Teacher, formatted, measure, words
from cotspec.cot.segment import segment
from cotspec.spec.payload import TraceFormat

FMT = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:")
TEACHER = Teacher(steps=4, words=120, tokens=300)


def test_a_response_is_measured() -> None:
    found = measure(
        "Thinking…\nhm\n\nStep 1: 2 + 2\nStep 2: = 4\nAnswer: 4.00", tokens=31, gold="4", teacher=TEACHER, fmt=FMT
    ).values
    assert found == {
        "correct": True, "formatted": True, "steps": 2, "words": 13, "tokens": 31,
        "teacher_steps": 4, "teacher_words": 120, "teacher_tokens": 300,
    }  # fmt: skip


@pytest.mark.parametrize("response", ["", "Step 1: a", "Answer: 4", "Step 1: Answer: 4"])
def test_every_response_has_every_measure_of_its_type(response: str) -> None:
    found = measure(response, tokens=0, gold="4", teacher=TEACHER, fmt=FMT).values
    assert {name: type(value) for name, value in found.items()} == dict(ALONE)


@pytest.mark.parametrize(
    ("response", "well_formed"),
    [
        pytest.param("Step 1: a\nAnswer: 4", True, id="steps_and_answer"),
        pytest.param("**Step 1:** a\n\n**Final Answer:** 4", True, id="markup"),
        pytest.param("Step 1: a \\] Answer: 4", True, id="the_answer_on_the_steps_line_as_teachers_write"),
        pytest.param("a\nAnswer: 4", False, id="no_step"),
        pytest.param("So Step 1: a\nAnswer: 4", False, id="a_step_inside_a_line"),
        pytest.param("Step 1: a", False, id="no_answer"),
        pytest.param("Step 1: a\nAnswer:", False, id="an_empty_answer"),
        pytest.param("Step 1: so the answer is 4.", False, id="an_answer_without_the_opener"),
        pytest.param("Step 1: a\nStep 2: \\boxed{4}", False, id="only_a_box"),
    ],
)
def test_well_formed_is_a_step_line_and_an_opened_answer(response: str, well_formed: bool) -> None:
    assert formatted(segment(response, FMT)) is well_formed


def test_right_without_the_format_is_right_but_not_well_formed() -> None:
    found = measure("It is 2 + 2, so the answer is 4.", tokens=9, gold="4", teacher=TEACHER, fmt=FMT).values
    assert (found["correct"], found["formatted"]) == (True, False)


def test_words_are_split_at_any_white_space() -> None:
    assert words(" a  b\n\tc\u00a0d ") == 4
    assert words("") == 0
