"""Texts of a file that a stage learns to write, and in which nobody would find an answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from linting import BASE

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Sink

FIRST, OF = "rows: {from: teach}\n    task: reconstruct\n    shuffle: true\n", "of: [base, first, second]"
WORKED = "rows: {from: worked}\n    task: solve\n"
BOXED = "So it is \\boxed{7}."
WRITTEN = {
    "an opener that the spec does not know": ("#### 7", 8, (), True),
    "the answer alone": ("7", 8, (), True),
    "the opener of the spec": ("Answer: 7", 8, (), False),
    "a box, which counts without an opener": (BOXED, 8, (), False),
    "few texts": ("#### 7", 7, (), False),
    "an opener that is said": ("#### 7", 8, [("name:", "trace: {answer: {opens: '####'}}\nname:")], False),
    "right ones only, of which another rule finds none": (
        "#### 7",
        8,
        [("from: worked", "from: worked, where: worked.correct")],
        False,
    ),
    "a stage that is not evaluated": ("#### 7", 8, [(OF, "of: [base, second]")], False),
    "questions that are practised": (
        "#### 7",
        8,
        [
            (
                "{by: sft, lr: 1e-4}",
                "{by: grpo, lr: 1e-5, group: 4}\n    reward: {terms: {solved: {value: 1 if correct else 0}}}",
            )
        ],
        False,
    ),
}


@pytest.mark.parametrize(("text", "rows", "changes", "found"), WRITTEN.values(), ids=WRITTEN)
def test_a_stage_that_learns_texts_without_an_answer_is_told(
    text: str, rows: int, changes: list[tuple[str, str]], found: bool, tmp_path: Path
) -> None:
    row = json.dumps({"question": "3 + 4?", "answer": "7", "cot": f"We add.\n{text}"})
    (tmp_path / "a.jsonl").write_text(f"{row}\n" * rows, encoding="utf-8")
    spec = BASE.replace("data:\n", "data:\n  worked: {file: a.jsonl, trace: cot}\n").replace(FIRST, WORKED)
    for old, new in changes:
        assert old in spec
        spec = spec.replace(old, new, 1)
    file, sink = tmp_path / "spec.yaml", Sink()
    file.write_text(spec, encoding="utf-8")
    plan_specs({"spec.yaml": file}, sink)
    assert not [each for each in sink.sorted() if each.severity == "error"]
    messages = [each.message for each in sink.sorted() if each.rule == "answer-missing"]
    assert messages == [f"none of the first {rows} texts of `worked` gives an answer after `Answer:`"] * found
