"""The leak guard finds what a broken corruption gives away, and sealing closes it."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_samples import FORMAT, QUICK, masks, real_records, step_lists, trace_of

from cotspec.cot.leak import leaks, seal, statements
from cotspec.cot.mask import corrupt, merged, show
from cotspec.cot.segment import Trace, segment
from cotspec.spec import payload


def shown_of(trace: Trace, hidden: tuple[tuple[int, int], ...]) -> str:
    order = range(len(trace.steps))
    return show(trace, hidden, order=order, opener="Step {n}:", placeholder="[MASKED]")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (r"\[ 4 + 11 = \boxed{15} \] **", r"\boxed{15}"),
        (r"\(\boxed{\frac{3}{4} \text{ cups}}\) each", r"\boxed{\frac{3}{4} \text{ cups}}"),
        (r"so \boxed{15", r"\boxed{15"),
        (r"so \boxed 15 cups", r"\boxed 15"),
        ("So 3.5 left. Therefore, the answer is 3.5 cups. Then rest.", "the answer is 3.5 cups."),
        ("Hence the answer should be twenty", "the answer should be twenty"),
        ("The answer is:\n20 apples. More.", "The answer is:\n20 apples."),
        ("We get: **Answer:** 20", "Answer:** 20"),
        ("= 200 \\] Final Answer It will take 200 seconds. Yes.", "Final Answer It will take 200 seconds. Yes."),
        ("My final answer = 4. Bye.", "final answer = 4."),
        ("#### 20", "#### 20"),
    ],
)
def test_an_answer_statement_is_found_from_its_marker_to_its_end(text: str, hidden: str) -> None:
    assert [text[start:end] for start, end in statements(text)] == [hidden]


@pytest.mark.parametrize(
    "text",
    [
        r"Thus, Amy will cut 10 of each: \[ 10 + 10 = 20 \]",
        "To answer the question we add the answers of both.",
        "Total Correct Answers: 20",
        "Cameron answered a total of 20 questions.",
    ],
)
def test_a_plain_result_is_no_statement(text: str) -> None:
    assert statements(text) == ()


STEPS = ["Ann has 12 apples.", "She adds 5 + 3 = 8.", "In all 12 + 8 = 20."]


@pytest.mark.parametrize(
    ("shown", "kinds"),
    [
        ("Step 1: Ann has 12 apples.\nStep 2: [MASKED]\nStep 3: In all 12 + 8 = 20.", []),
        ("Step 1: Ann has 12 apples.\nStep 2: She adds 5 + 3 = 8.\nStep 3: In all 12 + 8 = 20.", ["repeat"]),
        ("Step 1: [MASKED]\nStep 3: Once more: she  adds\n5 + 3 = 8; done", ["repeat"]),
        ("Step 2: [MASKED]\nStep 3: She adds 5 + 3 = 80.", []),
        ("Step 2: [MASKED]\nStep 3: In all 12 + 8 = 20. Answer: 20", ["statement", "answer"]),
        ("Step 2: [MASKED]\nStep 3: It is \\boxed{20}", ["statement"]),
    ],
)
def test_the_guard_judges_the_text_whoever_made_it(shown: str, kinds: list[str]) -> None:
    trace = trace_of(STEPS)
    second = trace.steps[1]
    found = leaks(shown, trace=trace, hidden=[(second.body_start, second.body_end)])
    assert [leak.kind for leak in found] == kinds


def test_an_answer_in_words_leaks_without_its_opener() -> None:
    trace = trace_of(STEPS, answer="Ann has twenty apples in all.")
    assert [leak.kind for leak in leaks("- Ann has twenty apples in all", trace=trace, hidden=[])] == ["answer"]


def test_a_hidden_number_may_stand_elsewhere_but_a_hidden_equation_may_not() -> None:
    trace = trace_of(["She adds 5 + 3 = 8.", "Then 5 + 3 = 8 again."])
    start = trace.text.index("5 + 3 = 8")
    equation, number = (start, start + 9), (start + 8, start + 9)
    assert leaks(shown_of(trace, (number,)), trace=trace, hidden=[number]) == ()
    assert [str(leak) for leak in leaks(shown_of(trace, (equation,)), trace=trace, hidden=[equation])] == [
        "repeat: 5 + 3 = 8"
    ]


def test_a_step_that_repeats_a_hidden_one_is_hidden_and_then_its_own_repeats_are() -> None:
    trace = trace_of(["We add 5.", "So we add 5 and rest.", "Now: so we add 5 and rest. Good.", "End here."])
    first = (trace.steps[0].body_start, trace.steps[0].body_end)
    hidden = merged((first, *seal(trace, (first,))))
    assert shown_of(trace, hidden) == "Step 1: [MASKED]\nStep 2: [MASKED]\nStep 3: [MASKED]\nStep 4: End here."


def test_sealing_hides_the_statement_and_leaves_the_rest_of_its_step() -> None:
    trace = trace_of(["We see 2 + 2 = \\boxed{4}. Good.", "Rest."])
    assert shown_of(trace, merged(seal(trace, ()))) == "Step 1: We see 2 + 2 = [MASKED]. Good.\nStep 2: Rest."


@QUICK
@given(masks, step_lists, st.integers(0, 99))
def test_sealed_text_passes_the_guard(rule: payload.Mask, steps: list[str], seed: int) -> None:
    trace = trace_of(steps)
    first = corrupt(trace, rule, opener="Step {n}:", rng=random.Random(seed), progress=0.0, shuffle=False)
    extra = seal(trace, first.hidden)
    assert leaks(shown_of(trace, merged((*first.hidden, *extra))), trace=trace, hidden=(*first.hidden, *extra)) == ()


@QUICK
@given(step_lists, st.data())
def test_the_guard_never_passes_a_text_with_a_hidden_step_in_it(steps: list[str], data: st.DataObject) -> None:
    trace = trace_of(steps)
    bodies = [(step.body_start, step.body_end) for step in trace.steps]
    if not bodies:
        return
    gone = data.draw(st.sampled_from(bodies))
    shown = shown_of(trace, (gone,)) + " " + data.draw(st.sampled_from(["", "So: ", "(\n"]))
    broken = shown + trace.text[slice(*gone)].upper().replace(" ", "  ") + data.draw(st.sampled_from(["", " ok", "!"]))
    assert "repeat" in {leak.kind for leak in leaks(broken, trace=trace, hidden=[gone])}


def test_cutting_real_traces_at_step_lines_alone_leaks_every_answer_on_a_steps_line() -> None:
    """The release's own corruption: it cuts at `Step k:` and so keeps the answer in the last step."""
    caught = 0
    for record in real_records():
        trace = segment(record.trace, FORMAT)
        naive = re.findall(r"^Step \d+:.*$", record.trace[trace.steps[0].start :], re.MULTILINE)
        on_the_line = "Answer:" in naive[-1]
        found = leaks("\n".join(naive), trace=trace, hidden=())
        assert not on_the_line or found
        caught += on_the_line
    assert caught == 84


def test_a_prompt_that_holds_the_whole_real_trace_leaks_in_every_case() -> None:
    for record in real_records():
        assert leaks(record.trace, trace=segment(record.trace, FORMAT), hidden=())
