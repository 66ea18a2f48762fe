"""What stands in the way of a stage that learns a teacher's probabilities."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import GRPO, Change, Told, found, second
from test_stage_rules import WITHOUT_REWARD


def distill(more: str) -> list[Change]:
    """The second stage by a teacher's probabilities."""
    return [(GRPO, f"{{by: distill, lr: 1e-5, {more}}}"), WITHOUT_REWARD]


HITS: dict[str, tuple[list[Change], Told]] = {
    "a teacher that is not there": (
        distill("teacher: tuto"),
        ("error", "unknown-reference", "tuto", "there is no model or stage `tuto`"),
    ),
    "the first weights misspelt": (
        distill("teacher: sefl"),
        ("error", "unknown-reference", "sefl", "there is no model or stage `sefl`"),
    ),
    "a teacher that is yet to be trained": (
        distill("teacher: second"),
        ("error", "stage-order", "second", "stage `second` uses itself"),
    ),
    "texts drawn where they are given": (
        distill("teacher: tutor, over: rows, sampling: {temperature: 0.7}"),
        ("error", "sampling", "sampling", "stage `second` trains on the texts of its rows, and nothing is drawn"),
    ),
    "probabilities at no temperature": (
        distill("teacher: tutor, sampling: {temperature: 0}"),
        ("error", "sampling", "0", "both models' probabilities are taken at this temperature, and 0 has none"),
    ),
    "two texts for a prompt of a teacher": (
        distill("teacher: tutor, sampling: {n: 2}"),
        ("error", "sampling", "2", "`n` is not used here: a prompt gets one text in each epoch"),
    ),
    "segments of texts that are yet to be written": (
        [*distill("teacher: tutor"), second("{from: teach}", "    loss: [step]\n")],
        (
            "error",
            "stage-kind",
            "loss",
            "stage `second` trains by distill, which supervises no segments of texts that are yet to be written",
        ),
    ),
    "more tokens than there are": (
        distill("teacher: tutor, top_k: 545"),
        ("error", "teacher-vocabulary", "545", "`top_k` 545 is more than the 544 tokens that the student has"),
    ),
    "a student that is taught by itself": (
        distill("teacher: self"),
        (
            "warning",
            "self-teaching",
            "self",
            "the teacher is the student's own first weights and reads the same prompt: they agree from the start",
        ),
    ),
    "a model called as the first weights are": (
        [*distill("teacher: self"), ("  base: {", "  self: {builtin: tiny-small}\n  base: {")],
        ("error", "name-clash", "self", "as a teacher, `self` is the weights that a stage starts from"),
    ),
    "one token, made to sum to 1": (
        distill("teacher: tutor, top_k: 1, renormalise: true"),
        (
            "warning",
            "trainer-conflict",
            "1",
            "of one token, made to sum to 1, both models are certain: there is nothing to learn",
        ),
    ),
    "all tokens, made to sum to 1": (
        distill("teacher: tutor, renormalise: true"),
        (
            "warning",
            "trainer-effect",
            "renormalise",
            "`renormalise` has no effect without `top_k`: all probabilities sum to 1 already",
        ),
    ),
    "a way of sampling where nothing is sampled": (
        distill("teacher: tutor, over: rows, trainer: {min_p: 0.1}"),
        ("warning", "trainer-effect", "min_p", "`min_p` has no effect on `over: rows`, where nothing is sampled"),
    ),
}


@pytest.mark.parametrize(("changes", "finding"), HITS.values(), ids=HITS)
def test_what_is_not_meant_is_found_at_its_place(changes: list[Change], finding: Told, tmp_path: Path) -> None:
    assert found(tmp_path, *changes) == [finding]


@pytest.mark.parametrize("more", ["", ", top_k: 544, renormalise: true", ", over: rows"])
def test_what_is_meant_is_left_alone(more: str, tmp_path: Path) -> None:
    assert found(tmp_path, *distill(f"teacher: tutor{more}")) == []
