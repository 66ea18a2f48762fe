"""The reviewed solutions that specs/methods/scr/tiny.yaml learns from are what their maker writes, and are true."""

import json
import re
from operator import add, mul, sub
from pathlib import Path

import pytest

from cotspec.builtin import reviews
from cotspec.builtin.problems import generate
from cotspec.builtin.tokens import count
from cotspec.compiler import check_specs
from cotspec.cot.answers import grades
from cotspec.cot.grading_rules import Grade
from cotspec.cot.measures import formatted
from cotspec.cot.segment import Trace, segment
from cotspec.diagnostics import Sink
from cotspec.spec.payload import EvaluateBody, TraceFormat

SCR = Path(__file__).parents[2] / "specs" / "methods" / "scr"
SHIPPED = (SCR / "reviews.jsonl").read_text(encoding="utf-8")
ROWS = [json.loads(line) for line in SHIPPED.splitlines()]
LINE = re.compile(r"((\d+) ([-+*]) (\d+) = (\d+)\.) ([TF])")
DO = {"+": add, "-": sub, "*": mul}


@pytest.fixture(scope="module")
def format() -> TraceFormat:
    found = check_specs({"specs/scr.yaml": SCR / "tiny.yaml"}, Sink())
    assert found is not None
    return next(task.body.format for task in found.sealed.plan.tasks if isinstance(task.body, EvaluateBody))


@pytest.fixture(scope="module")
def traces(format: TraceFormat) -> list[Trace]:
    return [segment(row["trace"], format) for row in ROWS]


def said(trace: Trace, kind: str) -> str:
    found = trace.last(kind)
    assert found is not None
    return trace.body(found)


def test_the_shipped_file_is_what_its_maker_writes() -> None:
    written = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in reviews.rows())
    assert written == SHIPPED, "python -m cotspec.builtin.reviews > specs/methods/scr/reviews.jsonl"


def test_every_text_has_the_form_of_the_spec_and_its_verdict_is_true(traces: list[Trace]) -> None:
    wrong = 0
    for row, trace in zip(ROWS, traces, strict=True):
        graded = grades(trace, row["answer"])
        critic = trace.last("critic")
        assert critic is not None
        assert formatted(trace)
        assert trace.label(critic) == ("T" if graded["answer"] is Grade.RIGHT else "F")
        assert (trace.last("revised") is None) == (graded["answer"] is Grade.RIGHT)
        assert trace.last("revised") is None or graded["revised"] is Grade.RIGHT
        wrong += graded["answer"] is not Grade.RIGHT
    assert 0.4 < wrong / len(ROWS) < 0.6


def test_a_critique_says_of_each_step_what_it_should_be_and_whether_the_answer_has_it_so(traces: list[Trace]) -> None:
    for row, trace in zip(ROWS, traces, strict=True):
        lines = LINE.findall(said(trace, "critic"))
        for (equation, before, sign, by, after, mark), step in zip(lines, trace.steps, strict=True):
            assert DO[sign](int(before), int(by)) == int(after)
            assert (equation in trace.body(step)) == (mark == "T")
        assert lines[-1][4] == row["answer"]


def test_no_word_is_spelt_by_a_builtin_model() -> None:
    letters = {word for row in ROWS for word in re.findall(r" ?[^\W\d_]+", row["trace"])}
    assert {word for word in letters if count("tiny-student", word) > 1} == {" T", " F"}


def test_no_problem_of_the_texts_is_one_of_the_test_split() -> None:
    asked = {problem.question for problem in generate(split="test", size=2000, seed=0, steps=(2, 4))}
    assert not asked & {row["question"] for row in ROWS}
