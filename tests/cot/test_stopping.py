"""Where a text stops: by hand, and the same for every way it can grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.cot.stopping import cut, find
from cotspec.spec.payload import Stop, TraceFormat

FORMAT = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:")
TAGS = TraceFormat(thinking="<think>", step="Step {n}:", answer="<answer>")
AFTER = Stop(after="answer", format=FORMAT)
BOTH = Stop(texts=("Question:", "\n\n\n"), after="answer", format=FORMAT)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Step 1: a\nAnswer: 5\nQuestion: next", "Step 1: a\nAnswer: 5"),
        ("Step 1: a\nAnswer: 5 apples\r\nmore", "Step 1: a\nAnswer: 5 apples"),
        ("Step 1: a = 5 \\] Answer: 5\nmore\n", "Step 1: a = 5 \\] Answer: 5"),
        ("Step 1: a\n### Answer\n\n**5**\nmore\n", "Step 1: a\n### Answer\n\n**5**"),
        ("Step 1: a\n**Final Answer:**\n5\nmore", "Step 1: a\n**Final Answer:**\n5"),
        ("5 and so on\nAnswer: 5\nAnswer: 6\n", "5 and so on\nAnswer: 5"),
        ("Thinking…\nAnswer: 3? no.\nStep 1: a\nAnswer: 5\nmore", "Thinking…\nAnswer: 3? no.\nStep 1: a\nAnswer: 5"),
        ("<think>\nAnswer: 3?\nStep 1: x\nAnswer: 4\n</think>\nAnswer: 5\nmore",
         "<think>\nAnswer: 3?\nStep 1: x\nAnswer: 4\n</think>\nAnswer: 5"),
    ],
)  # fmt: skip
def test_a_text_ends_after_the_answers_line(text: str, kept: str) -> None:
    assert cut(text, AFTER) == kept


@pytest.mark.parametrize(
    "text",
    [
        "Step 1: a\nAnswer: 5",  # the line may go on
        "Step 1: a\nAnswer:\n\n",  # nothing is said yet
        "Step 1: the answer is 5\nand \\boxed{5}\nso Answers: 5 of 9\n",  # talk of answers
        "Thinking…\nAnswer: 3?\nmaybe\n",  # still thoughts
    ],
)
def test_a_text_without_a_whole_answers_line_goes_on(text: str) -> None:
    assert cut(text, AFTER) == text


def test_thoughts_that_the_prompt_opened_end_with_their_closer() -> None:
    text = "hm\nStep 1: x\nAnswer: 3\n</think>\n\nStep 1: a\nAnswer: 5\nmore"
    assert cut(text, AFTER) == "hm\nStep 1: x\nAnswer: 3"
    assert cut(text, AFTER, thinking=True) == text.removesuffix("\nmore")


def test_an_answer_in_tags_ends_with_its_closer() -> None:
    stop = Stop(after="answer", format=TAGS)
    text = "<think>\n<answer>1</answer>\n</think>\nStep 1: a\n<answer>\n5\n</answer>\nmore"
    assert cut(text, stop) == text.removesuffix("\nmore")
    assert cut("<Answer>5</Answer>\nmore", stop) == "<Answer>5</Answer>"


def test_a_literal_text_is_cut_off_and_what_is_complete_first_counts() -> None:
    assert cut("Step 1: a\n\n\nQuestion: b", BOTH) == "Step 1: a"
    assert cut("Answer: 5 Question: b\n", BOTH) == "Answer: 5 "
    assert cut("aXYZ", Stop(texts=("XYZ", "Y"))) == "aX"  # `Y` is there before `XYZ` is


@given(
    st.lists(
        st.sampled_from(
            ["Answer:", " 5", "\n", "\r\n", "Step 1:", "Thinking…", "<think>", "</think>", "Question:", "**", "x"]
        ),
        max_size=14,
    ),
    st.booleans(),
    st.sampled_from([AFTER, BOTH, Stop(after="answer", format=TAGS), Stop(texts=("x\n", "5"))]),
)
def test_a_stop_is_found_as_soon_as_it_is_complete_and_never_moves(
    parts: list[str], thinking: bool, stop: Stop
) -> None:
    text = "".join(parts)
    found = find(text, stop, thinking=thinking)
    for end in range(len(text) + 1):
        early = find(text[:end], stop, thinking=thinking)
        assert early == (found if found is not None and end >= found.seen else None)
