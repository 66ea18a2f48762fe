"""Segments of one's own: where they stand, their labels, measures and form; rewards tried on them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.cot import conditions
from cotspec.cot.answers import grade, grades
from cotspec.cot.grading_rules import Grade
from cotspec.cot.leak import leaks
from cotspec.cot.loss import met, supervise
from cotspec.cot.measures import Teacher, formatted, measure, names, own
from cotspec.cot.own_segments import verdict
from cotspec.cot.prompting import render, teacher_prompt
from cotspec.cot.reward_trial import MOST, Trial, tried
from cotspec.cot.reward_trial_prompts import Limits
from cotspec.cot.rewards import compile_reward
from cotspec.cot.segment import segment
from cotspec.cot.thoughts import fit
from cotspec.spec.payload import Ramp, Reward, RewardTerm, SegmentFormat, TraceFormat

ANSWER = SegmentFormat(name="answer", opens="<answer>", closes="</answer>", grade=True)
CRITIC = SegmentFormat(name="critic", opens="<critic>", closes="</critic>", label=("T", "F"))
REVISED = SegmentFormat(name="revised", opens="<revised>", closes="</revised>", grade=True, when="critic.F")
TAGS = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="<answer>", form=(ANSWER, CRITIC, REVISED))
"""Answer, verdict, and where that is bad another answer."""
STEP = SegmentFormat(name="step", opens="Step {n}:", closes="", many=True)
LINE = SegmentFormat(name="answer", opens="Answer:", closes="", grade=True)
VERDICT = SegmentFormat(name="verdict", opens="Verdict:", closes="", label=("right", "wrong"))
LINES = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:", form=(STEP, LINE, VERDICT))
"""Steps, an answer's line and a verdict's line."""
NOTE = SegmentFormat(name="note", opens="Note:", closes="END", many=True)
NOTES = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:", form=(NOTE, LINE))

GOOD = "<answer>3 + 4 = 7, so \\boxed{7}</answer><critic>It adds up. T</critic>"
BAD = "<answer>3 + 4 = 8, so \\boxed{8}</answer>\n<critic>3 + 4 is 7. F</critic>\n<revised>\\boxed{7}</revised>\n"
CASES = {
    "tags beside each other": (TAGS, GOOD, [("answer", ""), ("critic", "T")], True, ("T", "right", "")),
    "tags on lines": (TAGS, BAD, [("answer", ""), ("critic", "F"), ("revised", "")], True, ("F", "wrong", "right")),
    "a verdict that is not asked for": (
        TAGS,
        GOOD + "<revised>7</revised>",
        [("answer", ""), ("critic", "T"), ("revised", "")],
        False,
        ("T", "right", "right"),
    ),
    "what the verdict asks for is missing": (
        TAGS,
        "<answer>8</answer><critic>F</critic>",
        [("answer", ""), ("critic", "F")],
        False,
        ("F", "wrong", ""),
    ),
    "no label": (
        TAGS,
        "<answer>7</answer><critic>True</critic>",
        [("answer", ""), ("critic", "")],
        False,
        ("", "right", ""),
    ),
    "a label in another spelling": (
        TAGS,
        "<answer>7</answer><critic>t</critic>",
        [("answer", ""), ("critic", "")],
        False,
        ("", "right", ""),
    ),
    "a label inside is none": (
        TAGS,
        "<answer>7</answer><critic>T is what it is</critic>",
        [("answer", ""), ("critic", "")],
        False,
        ("", "right", ""),
    ),
    "out of order": (
        TAGS,
        "<critic>T</critic><answer>7</answer>",
        [("critic", "T"), ("answer", "")],
        False,
        ("T", "right", ""),
    ),
    "twice": (
        TAGS,
        GOOD + "\n<critic>F</critic>",
        [("answer", ""), ("critic", "T"), ("critic", "F")],
        False,
        ("F", "right", ""),
    ),
    "never closed": (
        TAGS,
        "<answer>7</answer>\n<critic>T",
        [("answer", ""), ("critic", "T")],
        False,
        ("T", "right", ""),
    ),
    "empty": (TAGS, "<answer>7</answer><critic></critic>", [("answer", ""), ("critic", "")], False, ("", "right", "")),
    "a tag inside a line is prose": (TAGS, "Write <critic> later", [("preamble", "")], False, ("", "", "")),
    "thoughts before": (
        TAGS,
        "<think>\n<critic>F</critic>\n</think>" + GOOD,
        [("thinking", ""), ("answer", ""), ("critic", "T")],
        True,
        ("T", "right", ""),
    ),
    "thoughts without an end": (TAGS, "<think>\n" + GOOD, [("thinking", "")], False, ("", "", "")),
    "free text between": (
        TAGS,
        "<answer>7</answer> and\n<critic>T</critic> done",
        [("answer", ""), ("preamble", ""), ("critic", "T"), ("preamble", "")],
        True,
        ("T", "right", ""),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_text_has_segments_labels_and_a_form(case: str) -> None:
    fmt, text, expected, kept, (label, answer, revised) = CASES[case]
    trace = segment(text, fmt)
    assert [(one.kind, trace.label(one)) for one in trace.segments] == expected
    assert formatted(trace) is kept
    values = measure(text, tokens=30, gold="7", teacher=Teacher(1, 1, 1), fmt=fmt).values
    assert [values["critic.T"], values["critic.F"]] == [label == "T", label == "F"]
    kinds = {kind for kind, _ in expected}
    assert [values[f"{name}.given"] for name in ("answer", "critic", "revised")] == [
        name in kinds for name in ("answer", "critic", "revised")
    ]
    assert [values["answer.correct"], values["revised.correct"]] == [answer == "right", revised == "right"]
    assert values["correct"] is ((revised or answer) == "right")


LINE_CASES = {
    "in order": ("Step 1: 3 + 4\nAnswer: 7\nVerdict: right", ["step", "answer", "verdict"], True),
    "without a verdict": ("Step 1: 3 + 4\nAnswer: 7", ["step", "answer"], False),
    "in markup": ("Step 1: 3 + 4\n**Answer:** 7\n**Verdict:** _right_.", ["step", "answer", "verdict"], True),
    "first": ("Verdict: right\nStep 1: 3 + 4\nAnswer: 7", ["verdict", "step", "answer"], False),
    "without steps": ("Answer: 7\nVerdict: right", ["answer", "verdict"], False),
    "thinking that nobody asked for": (
        "Hm.\nStep 1: a\nAnswer: 7\nVerdict: wrong",
        ["preamble", "step", "answer", "verdict"],
        True,
    ),
}


@pytest.mark.parametrize("case", LINE_CASES)
def test_segments_without_closers_end_where_the_next_one_begins(case: str) -> None:
    text, kinds, kept = LINE_CASES[case]
    trace = segment(text, LINES)
    assert [one.kind for one in trace.segments] == kinds
    assert formatted(trace) is kept
    assert grade(trace, "7") is Grade.RIGHT


def test_many_may_be_given_several_times_in_a_row_and_not_apart() -> None:
    assert formatted(segment("Note: a END\nNote: b\nEND Answer: 7", NOTES))
    assert not formatted(segment("Note: a END\nAnswer: 7\nNote: b END", NOTES))
    assert own(segment("Note: a b END\nNote: c END\nAnswer: 7", NOTES), tokens=9, right=True)["note.words"] == 3


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("so it is T", "T"),
        ("**T**.", "T"),
        ("Verdict: \\boxed{T}", "T"),
        ("T\n\n", "T"),
        ('"F"', "F"),
        ("F, so not T", "T"),
        ("T/F", ""),
        ("not_T", ""),
        ("T F 7", ""),
        ("", ""),
        ("x" * 500 + "T", ""),
    ],
)
def test_a_label_is_the_last_word(said: str, label: str) -> None:
    assert verdict(said, ("T", "F")) == label


def test_the_last_graded_segment_decides_and_each_is_graded_by_itself() -> None:
    trace = segment(BAD, TAGS)
    assert grades(trace, "7") == {"answer": Grade.WRONG, "revised": Grade.RIGHT}
    assert grade(trace, "7") is Grade.RIGHT
    assert grade(segment(GOOD, TAGS), "7") is Grade.RIGHT


TAGS_OF_ALL = "<answer>", "</answer>", "<critic>", "</CRITIC>", "<revised>", "</revised>", "<think>", "</think>"
LINES_OF_ALL = "Step 1: a", "Answer: 7", "Verdict: right", "Note:", "END", "Thinking…", "\\boxed{7}"
PIECES = st.sampled_from([*TAGS_OF_ALL, *LINES_OF_ALL, "\n", " ", "T", "F", "7", "**", "é"])


@given(text=st.lists(PIECES, max_size=24).map("".join), fmt=st.sampled_from([TAGS, LINES, NOTES]))
def test_segments_tile_any_text_and_never_overlap(text: str, fmt: TraceFormat) -> None:
    trace = segment(text, fmt)
    assert "".join(trace.text[s.start : s.end] for s in trace.segments) == text
    at = 0
    for one in trace.segments:
        assert one.start == at < one.end
        assert one.start <= one.body_start <= one.body_end <= one.end
        at = one.end
    values = own(trace, tokens=1, right=False)
    for each in fmt.form:
        labels = [bool(values[f"{each.name}.{label}"]) for label in each.label]
        assert sum(labels) <= 1
        assert not any(labels) or values[f"{each.name}.given"]
        assert not formatted(trace) or not each.label or not values[f"{each.name}.given"] or any(labels)


def test_own_thoughts_of_a_teacher_are_renamed_with_the_form_kept() -> None:
    assert fit("<think>\nhm\n</think>\n" + GOOD, TAGS).text == f"Thinking…\nhm\n\n{GOOD}"


def test_a_graded_segment_is_an_answer_for_the_leak_guard() -> None:
    trace = segment("Step 1: it is said that seven is right\n<revised>seven is right indeed</revised>", TAGS)
    assert [leak.kind for leak in leaks("seven is right indeed, and more", trace=trace, hidden=())] == ["answer"]


def test_a_condition_on_texts_asks_for_their_segments() -> None:
    trace = segment(BAD, TAGS)
    measured = own(trace, tokens=30, right=True, rights=frozenset({"revised"}))
    for where, holds in (("text.critic.F and text.revised.correct", True), ("text.answer.correct", False)):
        assert conditions.meets(where, [measured], 0.0, TAGS.form) is holds


def test_the_default_prompt_names_every_segment() -> None:
    prompt = render(teacher_prompt(TAGS, at_least=1, at_most=0), question="How many?", trace="")
    for text in ("<answer>", "</critic>", "its last word is T or F", "only where critic ends with F", "How many?"):
        assert text in prompt
    lines = render(teacher_prompt(LINES, at_least=2, at_most=5), question="How many?", trace="")
    for text in ('"Step 1:", "Step 2:"', "(at least 2 and at most 5)", '"Answer:"', "right or wrong"):
        assert text in lines


@pytest.mark.parametrize(
    ("loss_on", "expected"),
    [
        (("critic",), ["<critic>3 + 4 is 7. F</critic>\n"]),
        (("answer", "revised"), ["<answer>3 + 4 = 8, so \\boxed{8}</answer>\n", "<revised>\\boxed{7}</revised>"]),
        (("critic", "revised"), ["<critic>3 + 4 is 7. F</critic>\n<revised>\\boxed{7}</revised>"]),
        (("thinking", "step"), []),
    ],
)
def test_loss_covers_the_named_segments_with_their_tags(loss_on: tuple[str, ...], expected: list[str]) -> None:
    spans = supervise(segment(BAD, TAGS), loss_on, hidden=())
    assert [BAD[start:end] for start, end in spans] == expected


@pytest.mark.parametrize(
    ("text", "names"),
    [(GOOD, ("answer", "critic")), (BAD, ("critic",)), ("<answer>7</answer><critic>F</critic>", ("answer", "critic"))],
)
def test_a_wrong_first_answer_is_context_and_no_lesson(text: str, names: tuple[str, ...]) -> None:
    when = {"answer": "answer.correct", "revised": "revised.words / (words - words) > 0"}  # the last has no value
    assert met(segment(text, TAGS), ("answer", "critic", "revised"), when, gold="7", tokens=20) == names


# --- rewards ----------------------------------------------------------------------------------------------------------

LIMITS = Limits(tokens=512, teacher_tokens=1024, teacher_steps=(1, 9), form=TAGS.form)


def reward(**values: str) -> Reward:
    return Reward(
        gates=(),
        let=(),
        terms=tuple(RewardTerm(name=name, value=value, weight=Ramp(first=1, last=1)) for name, value in values.items()),
    )


def trial(**values: str) -> Trial:
    found = tried(reward(**values), LIMITS)
    assert found is not None
    return found


def test_a_reward_scores_what_the_segments_say() -> None:
    values = {
        "solved": "answer.correct",
        "verdict": "critic.T == answer.correct",
        "form": "formatted",
        "n": "critic.words",
    }
    compiled = compile_reward(reward(**values), TAGS.form)
    for text, expected in ((GOOD, [1, 1, 1, 4]), (BAD, [0, 1, 1, 6]), ("7", [0, 1, 0, 0])):
        score = compiled.score(measure(text, tokens=9, gold="7", teacher=Teacher(1, 1, 1), fmt=TAGS).values, 0.0)
        assert list(score.terms.values()) == expected


def test_a_reward_is_tried_on_all_that_segments_can_say_and_on_nothing_else() -> None:
    asked = [name for name in names(TAGS.form) if "." in name and not name.startswith("group.")]
    flags = [name for name in asked if names(TAGS.form)[name] is bool]
    found = trial(all=" + ".join([*(f"(1 if {name} else 0)" for name in (*flags, "formatted")), "critic.words"]))
    assert len(found.all) <= MOST
    for name in flags:
        assert {one.measures[name] for one in found.all} == {True, False}, name
    assert len({one.measures["critic.words"] for one in found.all}) >= 5
    for one in (each.measures for each in found.all):
        assert not (one["critic.T"] and one["critic.F"])
        assert one["critic.given"] or not (one["critic.T"] or one["critic.F"])
        assert one["correct"] is (one["revised.correct"] if one["revised.given"] else one["answer.correct"])
        assert one["critic.words"] <= one["words"] <= one["tokens"]
        if one["formatted"]:
            assert one["revised.given"] is one["critic.F"]
            assert one["critic.T"] or one["critic.F"]


def test_a_branch_on_two_labels_at_once_is_never_taken() -> None:
    found = trial(never="1 if critic.T and critic.F else 0", solved="correct")
    assert [branch.part.text for branch in found.untaken] == ["1"]
