"""Where an answer may begin with steps of the teacher."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import FIRST, SECOND, Change, Told, found

BEGUN = (SECOND, f"{SECOND}    begin: 4\n")
HITS: dict[str, tuple[list[Change], Told]] = {
    "for a target": (
        [(FIRST, f"{FIRST}    begin: 1\n")],
        ("error", "stage-kind", "begin", "stage `first` trains by sft, which begins no answers"),
    ),
    "behind the whole trace": (
        [(SECOND, "    rows: {from: teach}\n    task: rewrite\n    begin: 2\n")],
        (
            "error",
            "answer-begin",
            "2",
            "the answer of stage `second` would begin with steps of a trace that its prompt shows",
        ),
    ),
    "with all steps": (
        [
            BEGUN,
            ("over: train}", "over: train, keep: {where: teach.steps <= 4}}"),
        ],
        ("error", "answer-begin", "4", "no trace has more than 4 steps, so none has a step after the first 4"),
    ),
}


@pytest.mark.parametrize(("changes", "finding"), HITS.values(), ids=HITS)
def test_a_beginning_that_cannot_be_is_found_at_its_place(changes: list[Change], finding: Told, tmp_path: Path) -> None:
    assert finding in found(tmp_path, *changes)


def test_steps_may_begin_an_answer_to_the_question_alone(tmp_path: Path) -> None:
    assert found(tmp_path, BEGUN) == []
