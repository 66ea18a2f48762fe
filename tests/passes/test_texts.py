"""Generations over data and over texts: what is refused, each once and at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import BASE

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Sink

TEACH = "teach: {by: tutor, over: train}"
CASES = {
    "a text over itself": ("teach: {by: tutor, over: teach}", "", "`teach` is made over itself"),
    "texts over each other": (
        "teach: {by: tutor, over: b}, b: {by: base, over: teach}",
        "",
        "`teach` is made over `b`, which comes later",
    ),
    "tries of tries": (
        f"{TEACH}, tries: {{by: base, over: teach, keep: {{where: tries.score == 0}}}}, "
        "more: {by: base, over: tries, keep: {where: more.score == 0}}",
        "rows: {from: more, target: tries}",
        "`tries` are tries themselves",
    ),
    "tries that are kept by another measure": (
        f"{TEACH}, tries: {{by: base, over: teach, keep: {{where: tries.correct}}}}",
        "rows: {from: tries, target: teach}",
        "`tries` are tries, and what goes on is decided by their score alone",
    ),
    "tries that are all kept": (
        f"{TEACH}, tries: {{by: base, over: teach}}",
        "rows: {from: tries, target: teach}",
        "`tries` are tries, and what goes on is decided by their score alone",
    ),
    "rows of wrong tries": (
        f"{TEACH}, tries: {{by: base, over: teach, keep: {{where: tries.score < 1}}}}",
        "rows: {from: tries}",
        "the tries of `tries` are wrong: no row is made of them",
    ),
    "a pick among tries": (
        f"{TEACH}, tries: {{by: base, over: teach, sampling: {{n: 2}}, "
        "keep: {where: tries.score < 1, pick: shortest}}",
        "rows: {from: tries, target: teach}",
        "there is nothing to pick: all tries of a record count",
    ),
    "a filter of tries that are compared": (
        f"{TEACH}, tries: {{by: base, over: teach, sampling: {{n: 2}}, keep: {{where: tries.score < 1}}}}",
        "rows: {from: tries, pairs: {better: tries.correct}}",
        "pairs are made of all tries: nothing is kept by a score",
    ),
    "a slice of data": ("teach: {by: tutor, over: train, slice: [0, 5]}", "", "`slice` is for texts over texts"),
    "a name with a dash": (
        f"my-texts: {{by: tutor, over: train}}, {TEACH}",
        "",
        "`my-texts` is not the name of a text: a lower-case letter, then letters and digits, single `_` between them, "
        "at most 63",
    ),
    "a name of a data set": (
        f"test: {{by: tutor, over: train}}, {TEACH}",
        "",
        "`test` is already the name of a data set",
    ),
    "the name of its own data set": (
        f"train: {{by: tutor, over: train}}, {TEACH}",
        "",
        "`train` is already the name of a data set",
    ),
    "a word of Python": (f"if: {{by: tutor, over: train}}, {TEACH}", "", "`if` is a word of conditions and prompts"),
    "no measure of a group": (
        "teach: {by: tutor, over: train, keep: {where: group.correct > 0}}",
        "",
        "there is no measure `group.correct`",
    ),
    "a number for a condition": (
        "teach: {by: tutor, over: train, keep: {where: teach.words + 1}}",
        "",
        "`teach.words + 1` is a number, and this setting needs a condition",
    ),
    "a writer that is yet to be trained": (
        "teach: {by: second, over: train}",
        "",
        "stage `first` uses `second`, which comes later",
    ),
}


@pytest.mark.parametrize(("texts", "rows", "message"), CASES.values(), ids=CASES)
def test_what_cannot_be_written_is_refused(texts: str, rows: str, message: str, tmp_path: Path) -> None:
    text = BASE.replace("generate: {teach: {by: tutor, over: train}}", f"generate: {{{texts}}}")
    if rows:
        text = text.replace("rows: {from: teach}", rows, 1)
    file, sink = tmp_path / "spec.yaml", Sink()
    file.write_text(text, encoding="utf-8")
    plan_specs({"spec.yaml": file}, sink)
    errors = [each.message for each in sink.sorted() if each.severity == "error" and each.rule != "stage-kind"]
    assert errors[:1] == [message]
    assert len(errors) == 1 or message.startswith("stage `first`")  # the second stage is one of the users, too
