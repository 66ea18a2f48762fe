"""Data sets without gold answers: their texts are learned, and nothing is graded against nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import changed, planned

TEST = "test: {builtin: chains, split: test, size: 50}"
TRAIN_ON_FREE = "free: {file: free.json, answer: false, trace: trace}"
NOBODY = "`data.free` has no gold answers, so nobody knows what is right"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            [("rows: {from: teach}\n    task: reconstruct\n    shuffle: true", "rows: {from: free}\n    task: solve")],
            [],
        ),
        (
            [("evaluate: {data: test,", "evaluate: {data: free,")],
            [("no-gold", "`free` has no gold answers to grade by")],
        ),
        (
            [("rows: {from: teach}\n    task: solve\n    reward", "rows: {from: free}\n    task: solve\n    reward")],
            [("no-gold", "`free` has no gold answers to grade by")],
        ),
        (
            [
                (
                    "rows: {from: teach}\n    task: reconstruct\n    shuffle: true",
                    "rows: {from: free, where: free.correct}\n    task: solve",
                )
            ],
            [("keep-condition", NOBODY)],
        ),
        (
            [("over: train}}", "over: train}, more: {by: tutor, over: free, keep: {where: more.score > 0}}}")],
            [("keep-condition", NOBODY)],
        ),
        (
            [
                (
                    "rows: {from: teach}\n    task: reconstruct\n    shuffle: true",
                    "rows: {from: free}\n    loss: {step: correct}\n    task: solve",
                )
            ],
            [("loss-segments", NOBODY)],
        ),
    ],
    ids=["learned", "evaluated", "rewarded", "filtered", "tried", "supervised"],
)
def test_texts_without_gold_answers_are_learned_and_not_graded(
    changes: list[tuple[str, str]], told: list[tuple[str, str]], tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "free.json").write_text('[{"question": "Say hello.", "trace": "Hello!"}]', encoding="utf-8")
    text = changed([(TEST, f"{TEST}\n  {TRAIN_ON_FREE}"), *changes])
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    errors = [(rule, message) for severity, rule, _, message in planned(tmp_path / "spec.yaml") if severity == "error"]
    assert [each for each in errors if each[0] != "evaluation-on-train"] == told
