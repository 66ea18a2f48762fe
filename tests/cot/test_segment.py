"""Segmentation: exact tiling of anything, and the answer cut out of the steps of real traces."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.cot.measures import formatted
from cotspec.cot.segment import Trace, segment
from cotspec.spec.payload import TraceFormat

FMT = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:")
TRACES = Path(__file__).parents[2] / "../shared/data/bridge/traces-200.jsonl"
needs_traces = pytest.mark.skipif(not TRACES.exists(), reason="the released BRIDGE traces are not on this machine")


def traces() -> list[dict[str, str]]:
    return [json.loads(line) for line in TRACES.read_text(encoding="utf-8").splitlines()]


def outline(text: str, fmt: TraceFormat = FMT) -> list[tuple[str, str]]:
    trace = segment(text, fmt)
    assert_tiled(trace)
    return [(s.kind, trace.body(s)) for s in trace.segments]


def assert_tiled(trace: Trace) -> None:
    assert "".join(trace.text[s.start : s.end] for s in trace.segments) == trace.text
    for s in trace.segments:
        assert s.start < s.end
        assert s.start <= s.body_start <= s.body_end <= s.end
        assert trace.body(s) == trace.body(s).strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("no opener at all", [("preamble", "no opener at all")], id="prose"),
        pytest.param(
            "Thinking…\nhm\n\nStep 1: a\nStep 2: b\nAnswer: 3\n",
            [("thinking", "hm"), ("step", "a"), ("step", "b"), ("answer", "3")],
            id="the_format_itself",
        ),
        pytest.param(
            "Thinking...\r\nhm\r\n\r\nStep 1: a\r\nAnswer: 3\r\n",
            [("thinking", "hm"), ("step", "a"), ("answer", "3")],
            id="crlf_and_three_dots",
        ),
        pytest.param(
            "Let x be it.\nStep 1: a\nstill a\n\nand more\nAnswer: 3",
            [("preamble", "Let x be it."), ("step", "a\nstill a\n\nand more"), ("answer", "3")],
            id="steps_with_inner_lines_after_a_preamble",
        ),
        pytest.param(
            "Step 1: 5 + 5 = \\$10 \\] Answer: 10",
            [("step", "5 + 5 = \\$10 \\]"), ("answer", "10")],
            id="the_answer_on_the_last_steps_line",
        ),
        pytest.param(
            "### Step 1\nadd\n**Step 2:** 2\n**Step 3**: 3\n\n**Final Answer:** 10",
            [("step", "add"), ("step", "2"), ("step", "3"), ("answer", "10")],
            id="markdown_around_openers",
        ),
        pytest.param(
            "Step 1: a\n### Answer\n10", [("step", "a"), ("answer", "10")], id="an_answer_heading_without_a_colon"
        ),
        pytest.param(
            "Step 1: a = 2 \\] --- Final Answer It takes \\(\\boxed{2}\\) days.\n\nAnswer: 2",
            [("step", "a = 2 \\]"), ("answer", "2")],
            id="final_answer_without_a_colon_then_the_answer_line",
        ),
        pytest.param(
            "Step 1: a\nStep 2: Final Answer: The total is 8.",
            [("step", "a"), ("answer", "The total is 8.")],
            id="a_step_that_is_only_the_answer",
        ),
        pytest.param(
            "Step 1: so it is \\[ \\boxed{46} \\]\n\nAnswer: 46",
            [("step", "so it is"), ("answer", "46")],
            id="a_box_in_the_last_step",
        ),
        pytest.param(
            "Step 1: first \\boxed{3}, on\nStep 2: then 4\nAnswer: 4",
            [("step", "first \\boxed{3}, on"), ("step", "then 4"), ("answer", "4")],
            id="a_box_in_an_earlier_step_is_a_result",
        ),
        pytest.param(
            "Step 1: 2 + 3 = 5. Therefore, the final answer is 5.",
            [("step", "2 + 3 = 5."), ("answer", "5.")],
            id="the_answer_in_a_sentence",
        ),
        pytest.param(
            "Step 1: Correct Answers: 5 of 9\nStep 2: Provide the final answer.\nAnswer: 5",
            [("step", "Correct Answers: 5 of 9"), ("step", "Provide the final answer."), ("answer", "5")],
            id="talk_of_answers_is_no_answer",
        ),
        pytest.param(
            "Thinking…\nthe answer: 7? As in Step 1: above, the answer is 7.\nAnswer**\nIt is 7.\n\n"
            "Step 1: a\nAnswer: 8",
            [
                ("thinking", "the answer: 7? As in Step 1: above, the answer is 7.\nAnswer**\nIt is 7."),
                ("step", "a"),
                ("answer", "8"),
            ],
            id="drafts_in_thinking_stay_there",
        ),
        pytest.param(
            "Thinking…\nplan\nStep 1: x\nStep 2: y\nok\nStep 1: a\nStep 2: b\nAnswer: 8",
            [("thinking", "plan\nStep 1: x\nStep 2: y\nok"), ("step", "a"), ("step", "b"), ("answer", "8")],
            id="steps_that_start_over_were_thoughts",
        ),
        pytest.param(
            "Thinking…\nplan\nStep 1: a\nAnswer: 8\nStep 1: c",
            [("thinking", "plan"), ("step", "a"), ("answer", "8"), ("step", "c")],
            id="a_run_on_after_the_answer_does_not_undo_it",
        ),
        pytest.param(
            "Answer: 1\nAnswer: 2\nAnswer:",
            [("preamble", "Answer: 1"), ("answer", "2\nAnswer:")],
            id="openers_repeated",
        ),
        pytest.param("Step 1:\nStep 2:\nAnswer:", [("step", ""), ("step", ""), ("answer", "")], id="only_openers"),
    ],
)
def test_a_text_is_cut_as_its_writer_meant_it(text: str, expected: list[tuple[str, str]]) -> None:
    assert outline(text) == expected


def test_thoughts_without_steps_answer_only_with_an_answer_line_a_box_or_their_last_line() -> None:
    assert [kind for kind, _ in outline("Thinking…\nmaybe the answer is 5.\nOr 6, hm")] == ["thinking"]
    assert outline("Thinking…\nmaybe Answer: 5.\nOr\nAnswer: 6")[-1] == ("answer", "6")
    assert outline("Thinking…\nhm \\boxed{7}")[-1] == ("answer", "\\boxed{7}")
    assert outline("Thinking… it is 2 + 2, Answer: 4")[-1] == ("answer", "4")


def test_steps_keep_the_numbers_they_were_written_with() -> None:
    trace = segment("Step 2: a\nStep 7: b\nAnswer: c", FMT)
    assert [s.number for s in trace.steps] == [2, 7]
    assert [s.number for s in trace.segments if s.kind != "step"] == [0]


@pytest.mark.parametrize(
    ("fmt", "text", "expected"),
    [
        pytest.param(
            TraceFormat(thinking="<think>", step="{n}.", answer="####"),
            "<think>\n1. draft\n</think>\n1. a\n2. 2.5 b\n#### 5",
            [("thinking", "1. draft\n</think>"), ("step", "a"), ("step", "2.5 b"), ("answer", "5")],
            id="tags_and_hashes",
        ),
        pytest.param(
            TraceFormat(thinking="## Thoughts", step="**Schritt {n}**", answer="**Antwort:**"),
            "## Thoughts\nhm\n**Schritt 1** a\nSchritt 2 b\nAntwort: 5",
            [("thinking", "hm"), ("step", "a"), ("step", "b"), ("answer", "5")],
            id="markup_in_the_openers_is_optional",
        ),
        pytest.param(
            TraceFormat(thinking="T:", step="- ", answer="=>"),
            "T: x\n- a\n- b => 5",
            [("thinking", "x"), ("step", "a"), ("step", "b"), ("answer", "5")],
            id="openers_without_letters_or_numbers",
        ),
        pytest.param(
            TraceFormat(thinking="<think>", step="Step {n}:", answer="Answer:"),
            "<think>hm</think>Answer: 5",
            [("thinking", "hm</think>"), ("answer", "5")],
            id="a_tag_is_no_markup_of_what_follows_it",
        ),
        pytest.param(
            TraceFormat(thinking="<think>", step="Step {n}:", answer="<answer>"),
            "Step 1: a\n<Answer>5</Answer>\nbye",
            [("step", "a"), ("answer", "5")],
            id="tags_in_any_case",
        ),
    ],
)
def test_openers_are_the_specs(fmt: TraceFormat, text: str, expected: list[tuple[str, str]]) -> None:
    assert outline(text, fmt) == expected


PIECES = [
    "Thinking…",
    "Step 1:",
    "Step 2:",
    "Answer:",
    "Final ",
    "\\boxed{",
    "}",
    "the answer is 4",
    "\n",
    "\r\n",
    " ",
    "**",
    "x",
]


@given(st.text() | st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40).map("".join))
def test_any_text_is_tiled_exactly_and_its_parts_are_ordered(text: str) -> None:
    trace = segment(text, FMT)
    assert_tiled(trace)
    kinds = [s.kind for s in trace.segments]
    assert kinds.count("preamble") <= 1
    assert kinds.count("thinking") <= 1
    assert all(not re.search(r"(?m)^Answer:|(?<!\w)Answer:", trace.body(s)) for s in trace.steps)


@given(
    st.lists(st.text(alphabet="abc 123=+\n", min_size=1).map(lambda t: "s" + t.strip()), min_size=1, max_size=6),
    st.integers(),
)
def test_a_trace_written_in_the_format_is_read_back(steps: list[str], answer: int) -> None:
    text = "Thinking…\nhm\n\n" + "".join(f"Step {k}: {s}\n" for k, s in enumerate(steps, 1)) + f"Answer: {answer}"
    assert outline(text) == [("thinking", "hm"), *(("step", s) for s in steps), ("answer", str(answer))]
    assert formatted(segment(text, FMT))


@needs_traces
def test_every_real_trace_is_tiled_and_ends_in_its_answer() -> None:
    found = [(segment(row["teacher_cot"], FMT), row) for row in traces()]
    for trace, _ in found:
        assert_tiled(trace)
    assert sum(t.answer is not None and t.body(t.answer) == row["gold_answer"] for t, row in found) == 200


@needs_traces
def test_no_step_of_a_real_trace_holds_an_answer() -> None:
    given_there = re.compile(r"\bAnswer\b(?!s)|(?i:answer (?:is|should be|:)? ?\d)|answer\s*:")
    for row in traces():
        trace = segment(row["teacher_cot"], FMT)
        assert [b for b in map(trace.body, trace.steps) if given_there.search(b)] == []
        assert "boxed" not in trace.body(trace.steps[-1])


@needs_traces
def test_no_step_line_of_a_real_trace_is_lost_unless_it_is_the_answer() -> None:
    for row in traces():
        text = row["teacher_cot"]
        lines = [m.start() for m in re.finditer(r"(?m)^Step \d+:(?! Final Answer)", text)]
        assert [s.start for s in segment(text, FMT).steps] == lines


@needs_traces
def test_real_student_responses_are_tiled() -> None:
    for row in traces():
        assert_tiled(segment(row["student_response"], FMT))


HOSTILE = [
    "a",
    "\n",
    "#",
    "*",
    "**Answer:** ",
    "Final ",
    "Step 1:\n",
    "Step 1: Answer: 1\n",
    "Thinking…\n",
    "\\boxed{",
    "the answer is 5\n",
    "so, the answer is ",
    "> ",
    "   \n",
]


@pytest.mark.parametrize(
    ("before", "piece"), [*(("Step 1: ", each) for each in HOSTILE), ("", "\\boxed{"), ("", "\\boxed{5} ")]
)
def test_time_grows_linearly_with_a_hostile_text(before: str, piece: str) -> None:
    def cost(size: int) -> float:
        text = before + piece * (size // len(piece))
        best = 9.0
        for _ in range(3):
            began = time.thread_time()
            segment(text, FMT)
            best = min(best, time.thread_time() - began)
        return best

    # 32 times the text may take 200 times as long (noise, caches); a quadratic cut takes 1,024 times.
    assert cost(2**18) < 200 * cost(2**13) + 0.02


@pytest.mark.parametrize(
    ("thinking", "text"),
    [
        ("Thinking…", "<think>\nStep 1: a try\nAnswer: 7"),
        ("Thinking…", "  <think>Answer: 7"),
        ("<think>", "<think>\nStep 1: a try\nAnswer: 7"),
        ("<reason>", "<reason>\nStep 1: a try\n\\boxed{7}"),
        ("<reason>", "<think>\nAnswer: 7"),
    ],
)
def test_thoughts_that_a_tag_opens_and_nothing_closes_hold_neither_steps_nor_an_answer(
    thinking: str, text: str
) -> None:
    """A completion that was cut off in its thoughts: what it tries out there is no answer."""
    trace = segment(text, TraceFormat(thinking=thinking, step="Step {n}:", answer="Answer:"))
    assert trace.answer is None
    assert trace.steps == ()
    assert "".join(text[part.start : part.end] for part in trace.segments) == text
