"""The leak guard finds what a broken corruption gives away, and sealing closes it."""

from __future__ import annotations

import random
import re

import leak_oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_samples import FORMAT, PHRASES, QUICK, masks, real_records, step_lists, trace_of

from cotspec.cot.leak import Leak, close_leaks, leaks, statements
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
        (r"{a} and \boxed{15} {b}", r"\boxed{15}"),
        ("So the answer is: ...", "the answer is: ..."),
    ],
)
def test_an_answer_statement_is_found_from_its_marker_to_its_end(text: str, hidden: str) -> None:
    assert [text[start:end] for start, end in statements(text)] == [hidden]


def test_each_statement_of_a_text_is_found() -> None:
    text = r"\boxed{4} it is. Then the answer is 5. And \boxed{6} too."
    assert [text[start:end] for start, end in statements(text)] == [r"\boxed{4}", "the answer is 5.", r"\boxed{6}"]


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
    hidden = merged((first, *close_leaks(trace, (first,))))
    assert shown_of(trace, hidden) == "Step 1: [MASKED]\nStep 2: [MASKED]\nStep 3: [MASKED]\nStep 4: End here."


def test_sealing_hides_the_statement_and_leaves_the_rest_of_its_step() -> None:
    trace = trace_of(["We see 2 + 2 = \\boxed{4}. Good.", "Rest."])
    assert shown_of(trace, merged(close_leaks(trace, ()))) == "Step 1: We see 2 + 2 = [MASKED]. Good.\nStep 2: Rest."


#: Pieces of texts: what the drawn steps hold, what looks like it and is not, announcements and harmless words.
PIECES = (
    *PHRASES,
    "5 + 3 = 80.",
    "15 + 3 = 8",
    "Answer: 20",
    "20 red apples",
    "Final Answer",
    "#### 20",
    "answered",
    "8s",
)
GLUE = ("", " ", "  ", "\n", "0", "s ", ". ", "!? ", " (")


@st.composite
def texts_about(draw: st.DrawFn, trace: Trace) -> str:
    """A text of pieces and of what the trace holds, in other case and spacing, glued to one another or not."""
    own = [trace.text[part.body_start : part.body_end] for part in trace.segments]
    pieces = draw(st.lists(st.sampled_from([*PIECES, *own, *(part.upper() for part in own)]), max_size=5))
    return "".join(
        piece.replace(" ", draw(st.sampled_from([" ", "  ", "\n"]))) + draw(st.sampled_from(GLUE)) for piece in pieces
    )


ANSWERS = st.sampled_from(["20", "20 red apples", "20 red apples left", "Ann has twenty of them."])


@settings(QUICK, max_examples=300)
@given(step_lists, ANSWERS, masks, st.data())
def test_the_guard_finds_in_any_text_what_a_naive_search_finds(
    steps: list[str], answer: str, rule: payload.Mask, data: st.DataObject
) -> None:
    trace = trace_of(steps, answer=answer)
    hidden = corrupt(trace, rule, opener="Step {n}:", rng=random.Random(0), progress=0.0, shuffle=False).hidden
    shown = data.draw(texts_about(trace))
    assert {leak.kind for leak in leaks(shown, trace=trace, hidden=hidden)} == leak_oracle.kinds(shown, trace, hidden)


CUTTING = st.sampled_from([r"regex:0", r"regex:[+] \d", r"regex:s\b", r"regex:\w\b"])
"""Units inside words: what stays visible of a word can then be another word."""
cutting_masks = st.builds(lambda unit, rule: rule.model_copy(update={"unit": unit}), CUTTING, masks)
lookalike_lists = st.lists(
    st.lists(st.sampled_from([*PHRASES, "add 5", "add 50", "adds 5"]), min_size=1, max_size=3).map(" ".join),
    min_size=1,
    max_size=6,
)


@settings(QUICK, max_examples=200)
@given(st.one_of(masks, cutting_masks), st.one_of(step_lists, lookalike_lists), ANSWERS, st.integers(0, 99))
def test_in_sealed_text_a_naive_search_finds_nothing(
    rule: payload.Mask, steps: list[str], answer: str, seed: int
) -> None:
    trace = trace_of(steps, answer=answer)
    first = corrupt(trace, rule, opener="Step {n}:", rng=random.Random(seed), progress=0.0, shuffle=False)
    extra = close_leaks(trace, first.hidden)
    shown = shown_of(trace, merged((*first.hidden, *extra)))
    assert leak_oracle.kinds(shown, trace, (*first.hidden, *extra)) == set()


@QUICK
@given(masks, step_lists, st.integers(0, 99))
def test_nothing_more_is_hidden_where_a_naive_search_finds_nothing(
    rule: payload.Mask, steps: list[str], seed: int
) -> None:
    trace = trace_of(steps)
    first = corrupt(trace, rule, opener="Step {n}:", rng=random.Random(seed), progress=0.0, shuffle=False)
    bodies = [trace.body(step) for step in trace.steps]
    if not leak_oracle.kinds(first.shown, trace, first.hidden) and not any(map(leak_oracle.announced, bodies)):
        assert close_leaks(trace, first.hidden) == ()


@pytest.mark.parametrize(
    ("said", "leaks_alone"), [("20 apples", False), ("20 red apples", False), ("20 red apples left", True)]
)
def test_the_words_of_an_answer_leak_from_the_fourth_on(said: str, leaks_alone: bool) -> None:
    found = leaks(f"- So {said}!", trace=trace_of(STEPS, answer=said), hidden=())
    assert [leak.kind for leak in found] == ["answer"] * leaks_alone


@pytest.mark.parametrize("before", ["5 + 3 = 80", "15 + 3 = 8", "5 + 3 = 8x, 5 + 3 = 80"])
def test_a_look_alike_does_not_end_the_search_for_a_repeat(before: str) -> None:
    trace = trace_of(["She adds 5 + 3 = 8.", f"Not {before}, yet 5 + 3 = 8 it is.", "End."])
    start = trace.text.index("5 + 3 = 8")
    equation = (start, start + 9)
    assert [leak.kind for leak in leaks(shown_of(trace, (equation,)), trace=trace, hidden=[equation])] == ["repeat"]
    sealed = shown_of(trace, merged((equation, *close_leaks(trace, (equation,)))))
    assert sealed == f"Step 1: She adds [MASKED].\nStep 2: Not {before}, yet [MASKED] it is.\nStep 3: End."


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ("15 + 3 = 8", False),
        ("5 + 3 = 8", True),
        ("5 + 3 = 80 5 + 3 = 8 5 + 3 = 81", True),
        ("5 + 3 = 8_ and _5 + 3 = 8", False),
    ],
)
def test_a_repeat_is_whole_words_wherever_it_stands(shown: str, found: bool) -> None:
    trace = trace_of(["5 + 3 = 8", "End."])
    span = (trace.steps[0].body_start, trace.steps[0].body_end)
    assert [leak.kind for leak in leaks(shown, trace=trace, hidden=[span])] == ["repeat"] * found


def test_a_hidden_sign_without_words_repeats_nowhere() -> None:
    trace = trace_of(["Take 2.", "So 2."])
    dot = trace.text.index("2.") + 1
    assert leaks("- Take 2[MASKED]\n- So 2.", trace=trace, hidden=[(dot, dot + 1)]) == ()
    assert close_leaks(trace, [(dot, dot + 1)]) == ()


def test_of_a_step_that_says_the_answer_only_that_is_hidden() -> None:
    trace = trace_of(["Now we see: Ann has twenty of them. Good.", "Rest."], answer="Ann has twenty of them.")
    assert shown_of(trace, merged(close_leaks(trace, ()))) == "Step 1: Now we see: [MASKED]. Good.\nStep 2: Rest."


def test_a_leak_tells_what_leaked() -> None:
    trace = trace_of(STEPS, answer="Ann has twenty of them.")
    found = leaks("It is \\boxed{20}: Ann has twenty of them", trace=trace, hidden=())
    assert list(map(str, found)) == ["statement: \\boxed{20}", "answer: Ann has twenty of them."]


@pytest.mark.parametrize(
    ("text", "told"),
    [("x" * 80, "x" * 80), ("x" * 81, "x" * 79 + "…"), ("a\n  b", "a b"), ("x" * 79 + "  y", "x" * 79 + "…")],
)
def test_a_leak_is_told_in_one_line_of_at_most_80_characters(text: str, told: str) -> None:
    assert str(Leak("repeat", text)) == f"repeat: {told}"


def test_what_was_hidden_to_close_a_leak_is_looked_for_in_turn() -> None:
    # `add 5` is hidden; with its 0 hidden too, step 2 reads `add 5` and goes whole; only then does step 3 repeat it.
    trace = trace_of(["add 5", "add 50", "then add 50 more", "End"])
    nought = trace.text.index("50") + 1
    first, cut = (trace.steps[0].body_start, trace.steps[0].body_end), (nought, nought + 1)
    assert shown_of(trace, merged((first, cut, *close_leaks(trace, (first, cut))))) == (
        "Step 1: [MASKED]\nStep 2: [MASKED]\nStep 3: [MASKED]\nStep 4: End"
    )


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
