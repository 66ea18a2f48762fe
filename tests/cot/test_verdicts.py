"""What a judge's text says, and what it leaves open."""

from __future__ import annotations

import pytest

from cotspec.cot import judges
from cotspec.cot.prompting import PromptError
from cotspec.spec.payload import BuiltinModel, Judge, Sampling, SegmentFormat, TraceFormat

FORM = (
    SegmentFormat(name="critic", opens="Verdict:", closes="", label=("T", "F")),
    SegmentFormat(name="revised", opens="<revised>", closes="</revised>", grade=True),
)
FORMAT = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:", form=FORM)
USUAL = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:")
LABELS = {"critic.T", "critic.F"}


def said(text: str, gold: str = "5", fmt: TraceFormat = FORMAT) -> dict[str, object]:
    return dict(judges.verdict(text, tokens=9, gold=gold, fmt=fmt))


def test_a_label_is_told_as_the_reward_of_a_response_would_tell_it() -> None:
    right = said("Step 1: 2 + 3 = 5.\nVerdict: **T**.")
    assert (right["critic.T"], right["critic.F"], right["critic.given"], right["steps"]) == (True, False, True, 1)
    assert said("Verdict: F")["critic.T"] is False


@pytest.mark.parametrize("text", ["", "It is right.", "Verdict: maybe", "Verdict: T or not", "T"])
def test_without_a_label_nobody_has_judged(text: str) -> None:
    found = said(text)
    assert not LABELS & found.keys()
    assert found["critic.given"] is text.startswith("Verdict")
    assert "words" in found


def test_an_answer_that_is_not_given_or_cannot_be_compared_is_not_wrong() -> None:
    assert said("Answer: 5", fmt=USUAL)["correct"] is True
    assert said("Answer: 6", fmt=USUAL)["correct"] is False
    assert "correct" not in said("I do not know.", fmt=USUAL)
    assert "correct" not in said("Answer: 5 or 6", fmt=USUAL)
    revised = said("<revised>Answer: 5</revised>")
    assert (revised["revised.correct"], revised["correct"]) == (True, True)
    assert "revised.correct" not in said("Answer: 5")


def test_a_judge_reads_the_response_and_what_it_is_shown_of_the_row() -> None:
    model = BuiltinModel(name="tiny-student", digest="", chat=False)
    drawn = Sampling(n=1, temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=8)
    judge = Judge(
        name="liked", model=model, prompt="{{ question }}|{{ text_1 }}|{{ answer }}|{{ response }}", sampling=drawn
    )
    shown = {"question": "2 + 3?", "text_1": "a draft", "answer": "5"}
    assert judges.asking(judge, " {{ question }} \n", shown) == "2 + 3?|a draft|5|{{ question }}"
    with pytest.raises(PromptError):
        judges.asking(judge, "5", {"question": "2 + 3?"})
