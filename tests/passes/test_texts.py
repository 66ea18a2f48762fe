"""Generations over data and over texts: what is refused, each once and at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import BASE

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Diagnostic, Sink

TEACH = "teach: {by: tutor, over: train}"
WORD = "`{}` is a word of conditions and prompts"
CASES = {
    "a text over itself": ("teach: {by: tutor, over: teach}", "", "`teach` is made over itself"),
    "texts over each other": (
        "teach: {by: tutor, over: b}, b: {by: base, over: teach}",
        "",
        "`teach` is made over `b`, which is made over itself",
    ),
    "rows of wrong tries": (
        f"{TEACH}, tries: {{by: base, over: teach, keep: {{where: tries.score < 1}}}}",
        "rows: {from: tries}",
        "the tries of `tries` are wrong: no row is made of them",
    ),
    "a filter of tries that are compared": (
        f"{TEACH}, tries: {{by: base, over: teach, sampling: {{n: 2}}, keep: {{where: tries.score < 1}}}}",
        "rows: {from: tries, pairs: {better: tries.correct}}",
        "pairs are made of all texts: nothing that `keep` says reaches them",
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
    "a measure of a text that is not before it": (
        f"{TEACH}, other: {{by: tutor, over: train}}, "
        "refined: {by: base, over: teach, keep: {where: other.correct}}",
        "rows: {from: refined}",
        "there is no measure `other.correct`",
    ),
    "a score of a text long before": (
        f"{TEACH}, critique: {{by: tutor, over: teach}}, "
        "refined: {by: base, over: critique, keep: {where: teach.score > 0.5}}",
        "rows: {from: refined}",
        "there is no measure `teach.score`",
    ),
    "a condition on rows that is none": (
        TEACH,
        "rows: {from: teach, where: teach.words}",
        "`teach.words` is a number, and this setting needs a condition",
    ),
    "a condition on rows by a score": (
        TEACH,
        "rows: {from: teach, where: teach.score > 0.5}",
        "the score of `teach` counts texts that were not kept, too",
    ),
    "tokens that nobody counted": (
        f"{TEACH}, refined: {{by: base, over: worked, keep: {{where: refined.tokens < worked.tokens}}}}",
        "rows: {from: refined}",
        "nobody has counted the tokens of `worked`, which are texts of a data set",
    ),
    "rows of nothing": (TEACH, "rows: {from: taech}", "there is no generation or data set `taech`"),
    "sft on questions alone": (
        TEACH,
        "rows: {from: train}",
        "stage `first` learns to write texts, and the questions of `train` have none",
    ),
    "pairs of one text": (
        TEACH,
        "rows: {from: teach, pairs: {better: teach.correct}}",
        "`teach` has one text of each record",
    ),
    "pairs of what was made over one text": (
        f"{TEACH}, apply: {{by: tutor, over: teach, sampling: {{n: 4}}}}",
        "rows: {from: apply, target: teach, pairs: {better: teach.score}}",
        "of `teach` one text of each question goes on, and a pair is made of two",
    ),
    "pairs with a condition": (
        "teach: {by: tutor, over: train, sampling: {n: 4}}",
        "rows: {from: teach, where: teach.correct, pairs: {better: teach.correct}}",
        "`pairs.better` says which texts are rows",
    ),
    "pairs that nothing makes better": (
        "teach: {by: tutor, over: train, sampling: {n: 4}}",
        "rows: {from: teach, pairs: {better: teach.wrods}}",
        "there is no measure `teach.wrods`",
    ),
    "shares of some": (
        f"{TEACH}, more: {{by: tutor, over: train}}",
        "rows: {mix: [{from: teach, share: 0.5}, {from: more}]}",
        "1 of 2 sources have a share",
    ),
    "shares of too much": (
        f"{TEACH}, more: {{by: tutor, over: train}}",
        "rows: {mix: [{from: teach, share: 0.5}, {from: more, share: 0.6}]}",
        "the shares add up to 1.1",
    ),
    "turns without turns": (
        f"{TEACH}, more: {{by: tutor, over: train}}",
        "rows: {mix: [{from: teach, run: 2}, {from: more}]}",
        "with `order: shuffled` there are no turns",
    ),
    "one source": (TEACH, "rows: {mix: [{from: teach}]}", "`mix` needs 2 entries or more, not a list of 1"),
    "a target far back for a pair": (
        "teach: {by: tutor, over: train, sampling: {n: 4}, keep: {pick: all}}, critique: {by: tutor, over: teach}, "
        "refined: {by: tutor, over: critique}",
        "rows: {from: refined, target: teach, pairs: {better: teach.words}}",
        "a pair is of two texts of `refined`, or of two that they were made over",
    ),
    "a score that two texts of one record share": (
        "teach: {by: tutor, over: train, sampling: {n: 4}}",
        "rows: {from: teach, pairs: {better: teach.score}}",
        "there is no measure `teach.score`",
    ),
    "what was made over a compared text": (
        "teach: {by: tutor, over: train, sampling: {n: 4}, keep: {pick: all}}, apply: {by: tutor, over: teach}",
        "rows: {from: apply, target: teach, pairs: {better: apply.score}}",
        "there is no measure `apply.score`",
    ),
    "pairs by what both have": (
        f"{TEACH}, refined: {{by: tutor, over: teach, sampling: {{n: 4}}}}",
        "rows: {from: refined, pairs: {better: teach.words}}",
        "this is the same for both texts of a pair: it asks nothing of `refined`",
    ),
    "a gap between right and wrong": (
        "teach: {by: tutor, over: train, sampling: {n: 4}}",
        "rows: {from: teach, pairs: {better: teach.correct, gap: 1}}",
        "one text meets the condition and the other does not: they differ by 1, and not by more",
    ),
    "more pairs than texts": (
        "teach: {by: tutor, over: train, sampling: {n: 4}}",
        "rows: {from: teach, pairs: {better: teach.words, most: 3}}",
        "of 4 texts there are 2 pairs at most, each text in one of them",
    ),
    "a choice that pairs do not see": (
        f"{TEACH}, many: {{by: tutor, over: train, sampling: {{n: 4}}, keep: {{pick: shortest}}}}",
        "rows: {from: many, pairs: {better: many.correct}}",
        "pairs are made of all texts: nothing that `keep` says reaches them",
    ),
    "a choice that only unused texts see": (
        f"{TEACH}, many: {{by: tutor, over: train, sampling: {{n: 4}}, keep: {{pick: shortest}}}}, "
        "more: {by: tutor, over: many}",
        "rows: {from: many, pairs: {better: many.correct}}",
        "pairs are made of all texts: nothing that `keep` says reaches them",
    ),
    "a mix that asks for another task": (
        f"{TEACH}, more: {{by: tutor, over: train}}",
        "rows: {mix: [{from: teach, task: rewrite}, {from: more}]}",
        "`task` must be `solve`, not the text `rewrite`",
    ),
    "a task of nobody": (
        f"{TEACH}, more: {{by: tutor, over: train}}",
        "rows: {mix: [{from: teach, task: solve}, {from: more, task: solve}]}",
        "no source asks for `reconstruct`: all of them ask the question alone",
    ),
    "a name of payloads": (f"text_2: {{by: tutor, over: train}}, {TEACH}", "", WORD.format("text_2")),
    "a filter of prompts": (f"title: {{by: tutor, over: train}}, {TEACH}", "", WORD.format("title")),
    "a word of prompts": (f"endif: {{by: tutor, over: train}}, {TEACH}", "", WORD.format("endif")),
    "a segment's name": (
        f"step: {{by: tutor, over: train}}, {TEACH}",
        "",
        "`step` is already the name of a segment, which conditions ask about, too",
    ),
    "a writer that is yet to be trained": (
        "teach: {by: second, over: train}",
        "",
        "stage `first` uses `second`, which comes later",
    ),
}


TAKEN = {
    "tries of tries": (
        f"{TEACH}, tries: {{by: base, over: teach, keep: {{where: tries.score == 0}}}}, "
        "more: {by: base, over: tries, keep: {where: more.score == 0}}",
        "rows: {from: more, target: tries}",
    ),
    "tries that are right": (
        f"{TEACH}, tries: {{by: base, over: teach, keep: {{where: tries.correct and tries.words < teach.words}}}}",
        "rows: {from: tries}",
    ),
    "a pick among tries": (
        f"{TEACH}, tries: {{by: base, over: teach, sampling: {{n: 2}}, "
        "keep: {where: tries.score < 1, pick: shortest}}",
        "rows: {from: tries, target: teach}",
    ),
    "a chain": (
        f"{TEACH}, critique: {{by: tutor, over: teach, keep: {{pick: all}}, sampling: {{n: 2}}}}, "
        "refined: {by: base, over: critique, keep: {where: not teach.correct and critique.words < 90}}",
        "rows: {from: refined, target: critique, where: refined.score > 0.5 and teach.steps > 1}",
    ),
    "tries over several texts of a record": (
        "teach: {by: tutor, over: train, sampling: {n: 2}, keep: {pick: all}}, "
        "tries: {by: base, over: teach, keep: {where: tries.score == 0}}",
        "rows: {from: tries, target: teach}",
    ),
    "pairs by the score of what was made over them": (
        "teach: {by: tutor, over: train, sampling: {n: 4}, keep: {pick: all}}, apply: {by: tutor, over: teach}",
        "rows: {from: apply, target: teach, pairs: {better: teach.score - teach.words / 1000, most: 2}}",
    ),
    "two sources": (
        f"{TEACH}, more: {{by: tutor, over: train}}",
        "rows: {mix: [{from: teach, share: 0.25}, {from: more, share: 0.75, slice: [0, 9], where: more.correct}]}",
    ),
    "sources by turns": (
        f"{TEACH}, more: {{by: tutor, over: train}}",
        "rows: {mix: [{from: teach, run: 3}, {from: more}], order: alternate}",
    ),
}


def findings_of(texts: str, rows: str, folder: Path) -> list[Diagnostic]:
    base = BASE.replace(
        "data:\n", "data:\n  worked: {builtin: chains, split: valid, size: 9, seed: 1, trace: trace}\n", 1
    )
    text = base.replace("generate: {teach: {by: tutor, over: train}}", f"generate: {{{texts}}}")
    if rows:
        text = text.replace("rows: {from: teach}", rows, 1)
    file, sink = folder / "spec.yaml", Sink()
    file.write_text(text, encoding="utf-8")
    plan_specs({"spec.yaml": file}, sink)
    return [each for each in sink.sorted() if each.severity == "error" and each.rule != "stage-kind"]


def errors_of(texts: str, rows: str, folder: Path) -> list[str]:
    return [each.message for each in findings_of(texts, rows, folder)]


@pytest.mark.parametrize(("texts", "rows", "message"), CASES.values(), ids=CASES)
def test_what_cannot_be_written_is_refused(texts: str, rows: str, message: str, tmp_path: Path) -> None:
    errors = errors_of(texts, rows, tmp_path)
    assert errors[:1] == [message]
    assert len(errors) == 1 or message.startswith("stage `first`")  # the second stage is one of the users, too


def test_a_ramp_means_something_only_where_rows_keep_their_order(tmp_path: Path) -> None:
    def errors(order: str) -> list[str]:
        rows = f"rows: {{mix: [{{from: teach}}, {{from: teach, task: solve}}], order: {order}}}"
        task = "task: reconstruct\n    mask: {share: {from: 0.1, to: 0.9}}"
        text = BASE.replace("rows: {from: teach}\n    task: reconstruct", f"{rows}\n    {task}")
        file, sink = tmp_path / "spec.yaml", Sink()
        file.write_text(text, encoding="utf-8")
        plan_specs({"spec.yaml": file}, sink)
        return [each.message for each in sink.sorted() if each.severity == "error"]

    assert errors("given") == errors("alternate") == []
    assert errors("shuffled") == [
        "the share moves with the place of a row, and a mix in shuffled order puts rows elsewhere"
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text", WORD.format("text")),
        ("upper", WORD.format("upper")),
        ("my-set", "`my-set` is a text, and no word that conditions can use"),
        ("my_set", None),
    ],
)
def test_a_data_set_of_texts_has_a_name_that_conditions_can_use(name: str, message: str | None, tmp_path: Path) -> None:
    worked = "{builtin: chains, split: valid, size: 9, seed: 1, trace: trace}"
    text = BASE.replace("  train:", f"  {name}: {worked}\n  train:", 1)
    file, sink = tmp_path / "spec.yaml", Sink()
    file.write_text(text.replace("rows: {from: teach}", f"rows: {{from: {name}}}", 1), encoding="utf-8")
    plan_specs({"spec.yaml": file}, sink)
    assert [each.message for each in sink.sorted() if each.severity == "error"] == ([message] if message else [])


@pytest.mark.parametrize(("texts", "rows"), TAKEN.values(), ids=TAKEN)
def test_what_a_record_has_can_be_asked_for(texts: str, rows: str, tmp_path: Path) -> None:
    assert errors_of(texts, rows, tmp_path) == []


def test_a_spec_whose_rows_come_from_data_writes_no_texts_and_may_imitate_a_column(tmp_path: Path) -> None:
    text = BASE.replace("generate: {teach: {by: tutor, over: train}}\n", "").replace("from: teach", "from: train")
    text = text.replace("size: 200}", "size: 200, trace: trace}").replace("group: 4}", "group: 4, all_failed: imitate}")
    file, sink = tmp_path / "spec.yaml", Sink()
    file.write_text(text.replace("  tutor: {builtin: tiny-teacher}\n", ""), encoding="utf-8")
    assert plan_specs({"spec.yaml": file}, sink) is not None
    assert not sink.findings


def test_a_draft_a_text_that_others_change_or_its_own_right_texts_do_not_make_a_student_its_own_teacher(
    tmp_path: Path,
) -> None:
    draft = "draft: {by: base, over: train}, teach: {by: tutor, over: draft}"
    text = BASE.replace("teach: {by: tutor, over: train}", draft)
    own = text.replace("by: tutor, over: draft", "by: base, over: draft")
    distilled = own.replace("{by: sft,", "{by: distill, teacher: tutor, over: rows,")
    corrected = text.replace("teach: {by: tutor, over: draft}", "teach: {by: base, over: draft, revise: tutor}")
    tilted = text.replace("teach: {by: tutor, over: draft}", "teach: {by: base, over: draft, tilt: {against: tutor}}")
    right = own.replace("over: draft}", "over: draft, keep: {where: teach.steps > 1 and teach.correct}}")
    rows = own.replace("rows: {from: teach}", "rows: {from: teach, where: teach.correct}")
    voted = own.replace("over: draft}", "over: draft, sampling: {n: 4}, keep: {where: teach.votes > 0.5}}")
    wrong = own.replace("over: draft}", "over: draft, keep: {where: not teach.correct}}")
    called_tutor = right.replace("by: base", "by: tutor").replace("builtin: tiny-student", "builtin: tiny-teacher")
    others = (
        (corrected, []),
        (tilted, []),
        (right, []),
        (voted, []),
        (rows, []),
        *((t, ["self-teaching"]) for t in (wrong, called_tutor)),
    )
    for one, told in ((text, []), (own, ["self-teaching"]), (distilled, []), *others):
        file, sink = tmp_path / "spec.yaml", Sink()
        file.write_text(one, encoding="utf-8")
        plan_specs({"spec.yaml": file}, sink)
        assert not sink.failed
        assert [each.rule for each in sink.findings if each.rule == "self-teaching"] == told


ELSEWHERE = {
    "a score that is counted where texts are kept": (
        f"{TEACH}, tries: {{by: base, over: teach}}",
        "rows: {from: tries, target: teach, where: teach.score > 0.5}",
        "ask for it where the texts of `teach` are kept: `generate.teach.keep.where`",
    ),
    "a score that the texts of a pair share": (
        "teach: {by: tutor, over: train, sampling: {n: 4}}",
        "rows: {from: teach, pairs: {better: teach.score}}",
        "all texts of a record share their score: ask for what differs",
    ),
    "the score of what was made over a text of a pair": (
        "teach: {by: tutor, over: train, sampling: {n: 4}, keep: {pick: all}}, apply: {by: tutor, over: teach}",
        "rows: {from: apply, target: teach, pairs: {better: apply.score}}",
        "both texts of a pair are of `teach`: of what was made over one, `teach.score` is the share that is right",
    ),
    "a text of other records": (
        f"{TEACH}, other: {{by: tutor, over: train}}",
        "rows: {from: teach, where: other.correct}",
        "`other` is not among the texts of its records, which are `teach`",
    ),
    "a measure that there is not": (TEACH, "rows: {from: teach, where: teach.corect}", "did you mean `teach.correct`?"),
    "a measure like no other": (
        TEACH,
        "rows: {from: teach, where: teach.popular}",
        "there is teach.correct, teach.formatted, teach.score, teach.steps, teach.tokens, teach.words",
    ),
}


@pytest.mark.parametrize(("texts", "rows", "advice"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_measure_that_is_not_known_here_is_told_with_where_it_is(
    texts: str, rows: str, advice: str, tmp_path: Path
) -> None:
    assert [found.help for found in findings_of(texts, rows, tmp_path) if found.rule == "keep-condition"] == [advice]
