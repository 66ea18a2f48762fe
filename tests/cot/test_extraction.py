"""The answer of a response, the gold answer of a field, and both graded on real text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cotspec.cot.answers import AnswerError, correct, equal, extract, gold_answer, gold_problem
from cotspec.spec.payload import TraceFormat

FMT = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:")
DATA = Path(__file__).parents[2] / "../shared/data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the real traces are not on this machine")


def rows(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        pytest.param("Step 1: a\nAnswer: 10", "10", id="the_format_itself"),
        pytest.param("Step 1: a \\] Answer: 10", "10", id="on_the_steps_line"),
        pytest.param("Step 1: a\n\nFinal Answer:\n\\[\n\\boxed{10}\n\\]", "\\boxed{10}", id="below_the_opener"),
        pytest.param("Answer: 10\n\nQuestion: Tom has 5 apples.", "10", id="the_model_ran_on"),
        pytest.param("Step 1: The final answer is 8 feet. Good that 9 was not it.", "8 feet", id="in_a_sentence"),
        pytest.param("Answer: Monday", "Monday", id="a_word"),
        pytest.param("Answer: 3\nAnswer: 4", "4", id="the_last_of_two"),
        pytest.param("Step 1: 3 + 4 = 7", None, id="no_answer_is_none_whatever_numbers_there_are"),
        pytest.param("Answer:  \n", None, id="an_empty_answer"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_the_answer_of_a_response(response: str, answer: str | None) -> None:
    assert extract(response, FMT) == answer


@pytest.mark.parametrize(
    ("field", "after", "gold"),
    [("72 * 2 = 144\n#### 2,125", "####", "2,125"), ("x\n#### -10", "####", "-10"), (" 42 ", "", "42"),
     ("#### 1 #### 2", "####", "2")],
)  # fmt: skip
def test_a_gold_answer_is_taken_whole(field: str, after: str, gold: str) -> None:
    assert gold_answer(field, after) == gold


@pytest.mark.parametrize(("field", "after"), [("no mark here", "####"), ("a ####  ", "####"), ("  ", "")])
def test_a_field_without_a_gold_answer_is_an_error(field: str, after: str) -> None:
    with pytest.raises(AnswerError):
        gold_answer(field, after)


@pytest.mark.parametrize(
    "gold", ["", "  ", "nan", "NaN", "null", "N/A", "$", "\\boxed{}", "…", "a b " * 400, "a\n" * 20]
)
def test_a_gold_answer_that_nothing_can_equal_has_a_problem(gold: str) -> None:
    assert gold_problem(gold)


def test_a_solution_of_gsm8k_is_no_gold_answer_and_the_way_to_take_one_is_named() -> None:
    why = gold_problem("Fred has 38 / 2 = <<38/2=19>>19 marbles.\nFred has 63 - 19 = 44.\n#### 44")
    assert why is not None
    assert 'after: "####"' in why
    assert gold_problem("#### 44") is None


@pytest.mark.parametrize(
    "gold", ["18", "none", "None", "Monday", "C", "\\frac{1}{2}", "x = 3 or x = 5", "(1, 2)", "no solution", "Na"]
)
def test_a_gold_answer_that_can_be_given_has_none(gold: str) -> None:
    assert gold_problem(gold) is None


@needs_data
def test_all_real_answers_grade_equal_to_the_gold_answer() -> None:
    wrong = [i for i, row in enumerate(rows("bridge/traces-200.jsonl"))
             if not correct(row["teacher_cot"], row["gold_answer"], FMT)]  # fmt: skip
    assert wrong == []


@needs_data
def test_the_real_students_are_right_only_where_the_release_graded_by_spelling() -> None:
    right = {i: extract(row["student_response"], FMT) for i, row in enumerate(rows("bridge/traces-200.jsonl"))
             if correct(row["student_response"], row["gold_answer"], FMT)}  # fmt: skip
    assert right == {107: "45 + 135 + 270 = 450 souvenirs.", 131: "78.00", 148: "9.00", 157: "650.00", 187: "1.00"}


@needs_data
def test_gold_answers_with_a_thousands_comma_or_a_sign_stay_whole() -> None:
    gold = [gold_answer(row["answer"], "####") for row in rows("gsm8k/train-1000.jsonl")]
    assert len(gold) == 1000
    assert {g for g in gold if not g.isdigit()} >= {"9,240", "165,000", "-47", "-12"}
    assert [g for g in gold if not equal(g, str(int(g.replace(",", ""))))] == []
    assert [g for g in gold if equal(g, str(int(g.replace(",", "")) + 1)) or (equal(g + "0", g) and g != "0")] == []


@needs_data
def test_gold_answers_of_gsm8k_are_right_in_four_spellings_and_wrong_one_off() -> None:
    golds = [gold_answer(row["answer"], "####") for row in rows("gsm8k/train-1000.jsonl")]
    for gold in golds:
        number = int(gold.replace(",", ""))
        for written in (gold, f"\\boxed{{{number:,}}}", f"${number:,}.00", f"The answer is {number} dollars."):
            assert equal(written, gold), (written, gold)
            assert not equal(written, str(number + 1)), (written, number + 1)
