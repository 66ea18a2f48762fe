"""A reasoning model's own thoughts: they end at </think>, and become the thinking of the spec's format."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.cot.segment import segment
from cotspec.cot.thoughts import fit
from cotspec.spec.payload import TraceFormat

PLAIN = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:")
TAGS = TraceFormat(thinking="<think>", step="Step {n}:", answer="Answer:")
OTHER = TraceFormat(thinking="<reasoning>", step="Step {n}:", answer="Answer:")
REST = "Step 1: 2 + 3 = 5.\nAnswer: 5"
OPENED = f"Okay, 2 and 3.\nSo 5.\n</think>\n\n{REST}"
"""What follows a prompt that ends with `<think>`."""


def outline(text: str, fmt: TraceFormat) -> list[tuple[str, str]]:
    trace = segment(text, fmt)
    return [(part.kind, trace.body(part)) for part in trace.segments]


@pytest.mark.parametrize("fmt", [PLAIN, TAGS, OTHER], ids=["words", "think", "another tag"])
def test_thoughts_end_at_their_closer_whatever_opens_them(fmt: TraceFormat) -> None:
    draft = f"Step 1: draft\nAnswer: 7, or \\boxed{{8}}\n</think>\n\n{REST}"
    steps = [("step", "2 + 3 = 5."), ("answer", "5")]
    for text in (draft, f"<think>\n{draft}"):
        kinds = outline(text, fmt)
        assert kinds[0][0] == "thinking"
        assert kinds[1:] == steps
    assert outline("hm 8\n</think>\n\nThe answer is 5.\nBye", fmt)[-1][0] == "answer"
    assert [kind for kind, _ in outline("Step 1: a\nAnswer: 7\n</think>", fmt)] == ["thinking"]


@pytest.mark.parametrize(
    ("text", "fmt", "fitted", "how"),
    [
        (OPENED, PLAIN, f"Thinking…\nOkay, 2 and 3.\nSo 5.\n\n{REST}", "renamed"),
        (f"<think>\n{OPENED}", PLAIN, f"Thinking…\nOkay, 2 and 3.\nSo 5.\n\n{REST}", "renamed"),
        (OPENED, TAGS, f"<think>\nOkay, 2 and 3.\nSo 5.\n</think>\n\n{REST}", "renamed"),
        (OPENED, OTHER, f"<reasoning>\nOkay, 2 and 3.\nSo 5.\n</reasoning>\n\n{REST}", "renamed"),
        (f"<think>\n{OPENED}", TAGS, f"<think>\n{OPENED}", ""),
        (REST, PLAIN, REST, ""),
        (f"\n\n</think>\n\n{REST}", PLAIN, REST, "left_out"),
        (f"hm\n</think>\n\nThinking…\nso\n{REST}", PLAIN, f"Thinking…\nso\n{REST}", "left_out"),
        (f"Step 1: x\nAnswer: 7\n</think>\n\n{REST}", PLAIN, REST, "left_out"),
        (f"hm\n</think>\nno\n</think>\n{REST}", PLAIN, REST, "left_out"),
    ],
)
def test_thoughts_become_the_formats_thinking_or_are_left_out(
    text: str, fmt: TraceFormat, fitted: str, how: str
) -> None:
    assert fit(text, fmt) == (fitted, how)


PIECES = st.lists(
    st.sampled_from(["<think>", "</think>", "<reasoning>", "\n", "Step 1: a", "Answer: 5", "Thinking…", "hm", " "]),
    max_size=12,
)


@given(PIECES, st.sampled_from([PLAIN, TAGS, OTHER]))
def test_no_step_no_answer_and_no_fitted_trace_holds_a_foreign_closer(pieces: list[str], fmt: TraceFormat) -> None:
    text = "".join(pieces)
    for given_text in (text, fit(text, fmt).text):
        trace = segment(given_text, fmt)
        assert "".join(given_text[part.start : part.end] for part in trace.segments) == given_text
        assert not any("</think>" in trace.body(part) for part in trace.segments if part.kind in ("step", "answer"))
    if fmt is not TAGS:
        assert "</think>" not in fit(text, fmt).text
