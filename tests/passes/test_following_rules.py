"""Teachers that follow their student: which can."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import TRAIN, Change, Told, found
from test_teacher_rules import distill

FOLLOWS = "teacher: self, follow: 0.05"
HITS: dict[str, tuple[list[Change], Told]] = {
    "another model": (
        distill("teacher: tutor, follow: 0.05"),
        ("error", "teacher-follows", "tutor", "`tutor` is no copy of the student"),
    ),
    "adapters": (
        distill(f"{FOLLOWS}, lora: {{r: 4}}"),
        ("error", "teacher-follows", "{r: 4}", "adapters are trained, and the average is of all weights"),
    ),
    "probabilities of before": (
        distill(f"{FOLLOWS}, over: rows, top_k: 5, precompute: true"),
        ("error", "teacher-follows", "true", "a teacher that moves has no probabilities before the run"),
    ),
    "weights that are split": (
        [*distill(FOLLOWS), (TRAIN, "  train: {gpus: 2, per_device_batch: 8, strategy: fsdp}\n")],
        ("error", "teacher-follows", "0.05", "`strategy: fsdp` keeps no average in its checkpoints"),
    ),
}


@pytest.mark.parametrize(("changes", "finding"), HITS.values(), ids=HITS)
def test_a_teacher_that_cannot_follow_is_found_at_its_place(
    changes: list[Change], finding: Told, tmp_path: Path
) -> None:
    assert finding in found(tmp_path, *changes)


def test_a_copy_of_the_student_can_and_says_the_same_without_a_context(tmp_path: Path) -> None:
    assert [rule for _, rule, *_ in found(tmp_path, *distill(FOLLOWS))] == ["self-teaching"]
