"""Texts that are written over many records at once: what is refused, each once and at its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from linting import BASE

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Diagnostic, Sink

TEACH = "teach: {by: tutor, over: train}"
LESSONS = "lessons: {by: tutor, over: pooled, gather: 3, prompt: ask.jinja}"
CONTEXT = "train: {by: distill, lr: 1e-4, teacher: tutor, context: read.jinja}"
GATHERED = {
    "sound": ("", "", "", []),
    "over data": ("over: pooled", "over: pool", "", ["`pool` has questions and no texts to gather"]),
    "no prompt": (", prompt: ask.jinja", "", "", ["`lessons` needs a prompt of its own, which shows `pooled`"]),
    "another text in its prompt": (
        "ask.jinja}",
        "read.jinja}",
        "",
        [
            "`read.jinja` does not show `pooled`, whose records it gathers",
            "`read.jinja` shows `lessons`, which its records do not have",
        ],
    ),
    "several of each": (
        "gather: 3",
        "gather: 3, sampling: {n: 2}",
        "",
        ["of each prompt there is one gathered text"],
    ),
    "a filter": (
        "gather: 3",
        "gather: 3, keep: {where: lessons.correct}",
        "",
        ["a gathered text belongs to no question, and has no answer to be kept by"],
    ),
    "the questions that are practised": (
        "pooled: {by: tutor, over: pool}",
        "pooled: {by: tutor, over: train}",
        "",
        ["`lessons` was written from questions of `train`, which stage `second` practises"],
    ),
    "a text of each record": (
        "reads: [lessons]",
        "reads: [lessons, teach]",
        "",
        ["`teach` is a text of each record, which prompts show by its name without this"],
    ),
    "nothing by that name": (
        "reads: [lessons]",
        "reads: [lesons]",
        "",
        ["`read.jinja` shows `lessons`, which its records do not have", "there is no gathered text `lesons`"],
    ),
    "rows of it": (
        "rows: {from: teach}\n    task: solve",
        "rows: {from: lessons}\n    task: solve",
        "",
        ["`lessons` belongs to no question: it is written over several records at once"],
    ),
    "nobody shows it": ("", "", "{{ question }}", ["no prompt of stage `second` shows `lessons`"]),
}


@pytest.mark.parametrize(("old", "new", "read", "messages"), GATHERED.values(), ids=GATHERED)
def test_a_text_over_many_records_is_read_where_other_questions_are_practised(
    old: str, new: str, read: str, messages: list[str], tmp_path: Path
) -> None:
    found = [each.message for each in linted(tmp_path, old, new, read) if each.severity == "error"]
    assert found[: len(messages) or 1] == messages


def test_a_text_that_answers_no_question_may_be_shorter_than_an_answer(tmp_path: Path) -> None:
    short = "gather: 3, sampling: {max_new_tokens: 24}"
    assert "answer-cut" not in {each.rule for each in linted(tmp_path, "gather: 3", short)}


def linted(tmp_path: Path, old: str, new: str, read: str = "") -> Sequence[Diagnostic]:
    (tmp_path / "ask.jinja").write_text("{{ pooled }}\nLessons:", encoding="utf-8")
    (tmp_path / "read.jinja").write_text(read or "{{ lessons }} {{ question }}", encoding="utf-8")
    text = BASE.replace("  train:", "  pool: {builtin: chains, split: valid, size: 9, seed: 1}\n  train:", 1)
    texts = f"generate: {{{TEACH}, pooled: {{by: tutor, over: pool}}, {LESSONS}}}"
    text = text.replace("generate: {teach: {by: tutor, over: train}}", texts)
    text = text.replace("train: {by: grpo, lr: 1e-5, group: 4}", CONTEXT).replace(
        "    reward: {terms: {solved: {value: 1 if correct else 0}}}\n", "    reads: [lessons]\n"
    )
    assert old in text
    file, sink = tmp_path / "spec.yaml", Sink()
    file.write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
    plan_specs({"spec.yaml": file}, sink)
    return sink.sorted()
