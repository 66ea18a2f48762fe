"""Segments of one's own in a spec: what is refused, at its place and with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import BASE

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Sink
from cotspec.spec.payload import RowsBody

CRITIC = 'critic: {opens: "<critic>", label: [T, F]}'
REVISED = 'revised: {opens: "<revised>", grade: true, when: critic.F}'
CASES = {
    "a label that no segment has": (
        f'{CRITIC}, revised: {{opens: "<revised>", when: critic.N}}',
        "critic.N",
        "no segment above has a label `critic.N`",
        "did you mean `critic.F` or `critic.T`?",
    ),
    "a label further down": (
        f"{REVISED}, {CRITIC}",
        "critic.F",
        "`critic` does not stand above: whether `critic.F` holds is not known here",
        "read the label of a segment above, or move this one down",
    ),
    "a label of itself": (
        'critic: {opens: "<critic>", label: [T, F], when: critic.F}',
        "critic.F",
        "`critic` does not stand above",
        "read the label of a segment above, or move this one down",
    ),
    "no labels at all": (
        'critic: {opens: "<critic>"}, revised: {opens: "<revised>", when: critic.F}',
        "critic.F",
        "there is no label `critic.F`: no segment above has any",
        "give a segment above a `label: [T, F]`",
    ),
    "a misspelt segment": (
        f'{CRITIC}, revised: {{opens: "<revised>", when: critc.F}}',
        "critc.F",
        "no segment above has a label `critc.F`",
        "did you mean `critic.F` or `critic.T`?",
    ),
    "a name close to a usual one": (
        'stpe: {opens: "Schritt {n}:"}',
        "stpe",
        "the name `stpe` is too close to `step`",
        "did you mean `step`?",
    ),
    "a name of a measure": (
        'words: {opens: "<words>"}',
        "words",
        "`words` means something else",
        "choose another name",
    ),
    "a name of payloads": ('text_1: {opens: "<t>"}', "text_1", "`text_1` means something else", "choose another name"),
    "an answer that nobody grades": (
        'answer: {opens: "Answer:", grade: false}',
        "false",
        "the answer is always graded",
        "leave `grade` out: the last graded segment that is given decides",
    ),
    "a name of the language": ('and: {opens: "<and>"}', "and", "`and` means something else", "choose another name"),
    "a label of a usual segment": (
        'answer: {opens: "Answer:", label: [T, F]}',
        "label",
        "`label` has no meaning for `answer`",
        "give it to a segment of your own",
    ),
    "a label that is a measure": (
        'critic: {opens: "<critic>", label: [given, F]}',
        "given",
        "`given` cannot be a label: expressions know it",
        "choose another word",
    ),
    "a label twice": ('critic: {opens: "<critic>", label: [T, T]}', "T", "`T` is there twice", "leave it out"),
    "a number in an opener": ('critic: {opens: "Note {n}:"}', '"Note {n}:"', "only steps are numbered", "leave it out"),
    "one opener for two": (
        'critic: {opens: "Answer:"}',
        '"Answer:"',
        "`answer` and `critic` have one opener",
        "make them different",
    ),
    "a blank closer": ('critic: {opens: "<critic>", closes: " "}', '" "', "a closer cannot be blank", "write the text"),
}


def findings(folder: Path, text: str) -> list[tuple[str, str, str]]:
    """(marked text, message, advice) of each error."""
    file, sink = folder / "spec.yaml", Sink()
    file.write_text(text, encoding="utf-8")
    plan_specs({"spec.yaml": file}, sink)
    lines = text.split("\n")
    return [
        (lines[f.span.line - 1][f.span.column - 1 : f.span.end_column - 1], f.message, f.help)
        for f in sink.sorted()
        if f.severity == "error"
    ]


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_in_a_segment_is_told_at_its_place(case: str, tmp_path: Path) -> None:
    trace, marked, message, advice = CASES[case]
    found = findings(tmp_path, f"{BASE}trace: {{{trace}}}\n")
    assert len(found) == 1, found
    assert found[0][0] == marked
    assert message in found[0][1]
    assert advice in found[0][2]


def test_segments_of_ones_own_are_asked_for_by_rewards_and_conditions(tmp_path: Path) -> None:
    asked = BASE.replace("{value: 1 if correct else 0}", '{value: "1 if critic.T and revised.correct else 0"}')
    asked = asked.replace("over: train}", "over: train, keep: {where: teach.critic.F and teach.revised.given}}")
    assert asked.count("critic.") == 2
    assert findings(tmp_path, f"{asked}trace: {{{CRITIC}, {REVISED}}}\n") == []
    wrong = asked.replace("critic.T and", "critc.T and").replace("revised.given", "revised.gvien")
    assert findings(tmp_path, f"{wrong}trace: {{{CRITIC}, {REVISED}}}\n") == [
        ("teach.revised.gvien", "there is no measure `teach.revised.gvien`", "did you mean `teach.revised.given`?"),
        ("critc.T", "there is no measure `critc.T`", "did you mean `critic.T`?"),
    ]


def test_an_answer_is_no_end_where_the_form_goes_on(tmp_path: Path) -> None:
    stopped = BASE.replace("evaluate: {data: test,", "evaluate: {data: test, sampling: {stop: {after: answer}},")
    form = f'trace: {{answer: {{opens: "<answer>"}}, {CRITIC}}}\n'
    assert [found[:2] for found in findings(tmp_path, stopped + form)] == [
        ("answer", "every completion would end after the answer, and `critic` stands behind it")
    ]


def test_a_variant_changes_an_opener_that_nobody_wrote(tmp_path: Path) -> None:
    text = f'{BASE}variants: {{other: {{trace.step.opens: "Schritt {{n}}:"}}}}\n'
    assert findings(tmp_path, text) == []


def test_a_loss_names_segments_that_there_are(tmp_path: Path) -> None:
    text = BASE.replace("    shuffle: true\n", "    shuffle: true\n    loss: [answer, critic]\n")
    assert findings(tmp_path, f"{text}trace: {{{CRITIC}}}\n") == []
    assert findings(tmp_path, text) == [
        ("critic", "there is no segment `critic` in `trace`", "there is `thinking`, `step`, `masked` and `answer`")
    ]
    misspelt = f"{text}trace: {{{CRITIC}}}\n".replace("[answer, critic]", "[answer, critc]")
    assert findings(tmp_path, misspelt) == [
        ("critc", "there is no segment `critc` in `trace`", "did you mean `critic`?")
    ]


def test_a_loss_may_have_conditions_over_the_text_itself(tmp_path: Path) -> None:
    def found(loss: str) -> list[tuple[str, str, str]]:
        text = BASE.replace("    shuffle: true\n", f"    shuffle: true\n    loss: {loss}\n")
        return findings(tmp_path, f"{text}trace: {{{CRITIC}, {REVISED}}}\n")

    assert found("{revised: revised.correct, critic: true}") == []
    assert found("{revised: revised.corect, critc: true}") == [
        ("revised.corect", "there is no measure `revised.corect`", "did you mean `revised.correct`?"),
        ("critc", "there is no segment `critc` in `trace`", "did you mean `critic`?"),
    ]
    assert [one[:2] for one in found("{critic: critic.words}")] == [
        ("critic.words", "`critic.words` is a number, and this setting needs a condition")
    ]
    assert [one[:2] for one in found("{critic: teacher_words > 3}")] == [
        ("teacher_words", "there is no measure `teacher_words`")
    ]
    ((_, _, advice),) = found("{critic: false}")
    assert advice == "leave it out"


def test_a_loss_may_ask_about_the_texts_of_its_record(tmp_path: Path) -> None:
    draft = "generate: {draft: {by: base, over: train}, teach: {by: tutor, over: draft}}"
    text = BASE.replace("generate: {teach: {by: tutor, over: train}}", draft)
    loss = "loss: {step: not draft.correct, answer: teach.words < 90}"
    text = text.replace("    shuffle: true\n", f"    shuffle: true\n    {loss}\n")
    assert findings(tmp_path, text.replace("draft.correct", "draft.corect")) == [
        ("draft.corect", "there is no measure `draft.corect`", "did you mean `draft.correct`?")
    ]
    assert findings(tmp_path, text) == []
    plan = plan_specs({"spec.yaml": tmp_path / "spec.yaml"}, Sink())
    assert plan is not None
    (rows,) = [task.body for task in plan.tasks if isinstance(task.body, RowsBody) and task.body.by == "sft"]
    assert rows.loss_when == {"step": "not text_1.correct", "answer": "text.words < 90"}
    assert "selecting" in rows.kernel_parts()


def test_a_loss_condition_does_not_ask_for_tokens_that_nobody_counted(tmp_path: Path) -> None:
    text = BASE.replace("    shuffle: true\n", "    shuffle: true\n    loss: {step: tokens < 90, answer: true}\n")
    assert findings(tmp_path, text) == []
    worked = "{builtin: chains, split: valid, size: 9, seed: 1, trace: trace}"
    text = text.replace("  valid:", f"  worked: {worked}\n  valid:").replace("{from: teach}", "{from: worked}", 1)
    assert findings(tmp_path, text) == [
        ("tokens", "nobody has counted the tokens of `worked`, which are texts of a data set", "ask for `words`")
    ]


def test_a_source_that_hides_nothing_needs_more_loss_than_on_what_is_hidden(tmp_path: Path) -> None:
    rows = "rows: {mix: [{from: teach}, {from: teach, task: solve}]}\n    mask: {count: 1}"
    text = BASE.replace("rows: {from: teach}", f"{rows}\n    loss: [masked]", 1)
    assert [found[:2] for found in findings(tmp_path, text)] == [
        ("solve", "`solve` hides nothing, and only what is hidden carries loss: no row is made of this source")
    ]
    assert findings(tmp_path, text.replace("[masked]", "[masked, answer]")) == []


def test_a_stage_learns_all_segments_unless_it_says_which(tmp_path: Path) -> None:
    file, sink = tmp_path / "spec.yaml", Sink()
    file.write_text(f"{BASE}trace: {{{CRITIC}, {REVISED}}}\n", encoding="utf-8")
    plan = plan_specs({"spec.yaml": file}, sink)
    assert plan is not None
    rows = [task.body for task in plan.tasks if isinstance(task.body, RowsBody) and task.body.by == "sft"]
    assert [body.loss_on for body in rows] == [("thinking", "step", "answer", "critic", "revised")]
    assert [each.name for each in rows[0].format.form] == ["critic", "revised"]
