"""Rows: order, re-masking, prompts, loss spans, counts."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_samples import FORMAT, QUICK, body, mask, masks, real_records, record_of, step_lists, text_of

from cotspec.cot.prompting import PromptError, default_prompt
from cotspec.cot.records import GrpoRow, GuidedRow, SftRow, TraceRecord
from cotspec.cot.row_counts import Counts
from cotspec.cot.rows import Row, build
from cotspec.cot.segment import segment
from cotspec.spec import payload

RECONSTRUCT = body(task="reconstruct", mask=mask(rows=0.7, count=1), shuffle=True, epochs=5)
COMPLETE = body(by="grpo", mask=mask(select="scattered", share=0.5, at_least=3, leave=1), epochs=5)
WORDS = ["one apple", "two pears", "three plums", "four figs", "five dates"]


def rows_of(plan: payload.RowsBody, records: Sequence[TraceRecord]) -> tuple[list[Row], Counts]:
    counts = Counts()
    return list(build(plan, records, counts)), counts


def supervised(row: Row) -> list[str]:
    assert isinstance(row, SftRow)
    return [row.target[start:end] for start, end in row.supervise]


bodies = st.builds(
    lambda **changes: body(**changes),
    by=st.sampled_from(["sft", "grpo"]),
    task=st.sampled_from(["solve", "reconstruct", "complete", "rewrite"]),
    mask=masks,
    shuffle=st.booleans(),
    loss_on=st.lists(st.sampled_from(["thinking", "step", "masked", "answer"]), min_size=1, unique=True).map(tuple),
    epochs=st.integers(1, 3),
    seed=st.integers(0, 9),
)
record_lists = st.lists(step_lists, min_size=1, max_size=4).map(
    lambda steps: [record_of(one, id=index) for index, one in enumerate(steps)]
)


@QUICK
@given(bodies, record_lists)
def test_a_row_does_not_depend_on_the_other_rows(plan: payload.RowsBody, records: list[TraceRecord]) -> None:
    def without_place(row: Row) -> tuple[object, ...]:
        return (row.prompt, row.supervise) if isinstance(row, SftRow) else (row.prompt,)

    together, _ = rows_of(plan, records)
    for record in records:
        alone, _ = rows_of(plan, [record])
        mine = [row for row in together if row.id == record.id]
        assert [without_place(row) for row in mine] == [without_place(row) for row in alone]


@QUICK
@given(bodies, record_lists)
def test_loss_spans_are_in_bounds_sorted_and_apart(plan: payload.RowsBody, records: list[TraceRecord]) -> None:
    for row in rows_of(plan, records)[0]:
        if isinstance(row, SftRow):
            flat = [at for span in row.supervise for at in span]
            assert flat
            assert flat == sorted(set(flat))
            assert flat[0] >= 0
            assert flat[-1] <= len(row.target)


@QUICK
@given(bodies, record_lists)
def test_every_row_is_written_or_counted_as_dropped(plan: payload.RowsBody, records: list[TraceRecord]) -> None:
    rows, counts = rows_of(plan, records)
    assert [row.row for row in rows] == list(range(len(rows)))
    assert counts.rows == len(rows)
    assert len(records) * plan.epochs == len(rows) + sum(counts.dropped.values())


@QUICK
@given(bodies, record_lists)
def test_no_prompt_holds_a_hidden_step(plan: payload.RowsBody, records: list[TraceRecord]) -> None:
    plan = plan.model_copy(update={"prompt": "{{ trace }}", "task": "complete", "shuffle": False})
    plan = plan.model_copy(update={"mask": plan.mask.model_copy(update={"unit": "step"})})
    traces = {record.id: segment(record.trace, FORMAT) for record in records}
    for row in rows_of(plan, records)[0]:
        trace, shown = traces[row.id], " ".join(row.prompt.split())
        for step in trace.steps:
            text = " ".join(trace.body(step).split())
            if re.search(rf"^Step {step.number}: \[MASKED\]$", row.prompt, re.MULTILINE):
                assert not re.search(rf"(?<!\w){re.escape(text)}(?!\w)", shown)


def test_epochs_differ_in_order_and_in_what_is_masked() -> None:
    records = [record_of(WORDS, id=index) for index in range(30)]
    rows, _ = rows_of(RECONSTRUCT, records)
    epochs = [rows[at : at + 30] for at in range(0, 150, 30)]
    assert all(sorted(row.id for row in epoch) == list(range(30)) for epoch in epochs)
    assert len({tuple(row.id for row in epoch) for epoch in epochs}) == 5
    prompts = [{row.id: row.prompt for row in epoch} for epoch in epochs]
    assert len({prompt[0] for prompt in prompts}) > 1
    assert all(
        sum(first[id] != second[id] for id in first) > 20
        for first in prompts
        for second in prompts
        if first is not second
    )


def test_another_seed_gives_other_rows_and_the_same_seed_the_same() -> None:
    records = [record_of(WORDS, id=index) for index in range(5)]
    again = RECONSTRUCT.model_copy(update={"seed": 7})
    assert rows_of(RECONSTRUCT, records)[0] == rows_of(RECONSTRUCT, records)[0]
    assert rows_of(RECONSTRUCT, records)[0] != rows_of(again, records)[0]


def test_these_rows_change_only_with_a_new_kernel_version() -> None:
    """A golden: raise `mask` or `rows` in cotspec.cot.versions when a change here is meant."""
    plan = body(
        task="reconstruct",
        mask=mask(count=2),
        shuffle=True,
        epochs=2,
        loss_on=("masked", "answer"),
        prompt="{{ trace }}",
    )
    rows, _ = rows_of(plan, [record_of(WORDS[:4], id=3), record_of(WORDS, id=11)])
    assert [(row.epoch, row.id, row.prompt.replace("\n", "|"), supervised(row)) for row in rows] == GOLDEN


GOLDEN = [
    (0, 3, "- three plums|- two pears|- [MASKED]|- [MASKED]", ["Step 1: one apple\n", "Step 4: four figs\nAnswer: 20"]),
    (
        0,
        11,
        "- [MASKED]|- [MASKED]|- one apple|- three plums|- four figs",
        ["Step 2: two pears\n", "Step 5: five dates\nAnswer: 20"],
    ),
    (
        1,
        11,
        "- two pears|- four figs|- five dates|- [MASKED]|- [MASKED]",
        ["Step 1: one apple\n", "Step 3: three plums\n", "Answer: 20"],
    ),
    (1, 3, "- two pears|- [MASKED]|- [MASKED]|- three plums", ["Step 1: one apple\n", "Step 4: four figs\nAnswer: 20"]),
]


def test_rows_are_the_same_in_another_process_with_another_hash_seed() -> None:
    code = (
        "import hashlib, kernel_samples as k; from cotspec.cot.rows import build;"
        "from cotspec.cot.row_counts import Counts;"
        "plan = k.body(task='reconstruct', mask=k.mask(unit='number', share=0.5), shuffle=True, epochs=3);"
        "rows = build(plan, [k.record_of(['Add 5 + 3 = 8.', 'Then 8 - 2 = 6.'], id=i) for i in range(9)], Counts());"
        "print(hashlib.sha256(repr(list(rows)).encode()).hexdigest())"
    )
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parents[1])])
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] != hashlib.sha256(b"[]").hexdigest()


# --- prompts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "changes", "shown"),
    [
        ("solve", {}, ""),
        ("rewrite", {}, text_of(WORDS[:2])),
        ("complete", {}, "Step 1: one apple\nStep 2: two pears"),
        ("complete", {"mask": mask(select="all")}, "Step 1: [MASKED]\nStep 2: [MASKED]"),
        ("reconstruct", {"mask": mask(select="last", count=1, placeholder="?")}, "Step 1: one apple\nStep 2: ?"),
    ],
)
def test_each_task_shows_what_it_should(task: str, changes: dict[str, object], shown: str) -> None:
    (row,), _ = rows_of(body(task=task, **changes), [record_of(WORDS[:2])])
    assert row.prompt == f"How many?\n----\n{shown}"


def test_grpo_rows_carry_the_gold_answer_and_the_teachers_measures() -> None:
    (row, *_), _ = rows_of(COMPLETE, [record_of(WORDS, id=4)])
    assert isinstance(row, GrpoRow)
    assert (row.id, row.answer, row.teacher_steps, row.teacher_words, row.teacher_tokens) == (4, "20", 5, 9, 30)


@pytest.mark.parametrize("by", ["grpo", "imitate"])
def test_an_answer_begins_with_steps_and_a_trace_without_others_makes_no_row(by: str) -> None:
    records = [record_of(WORDS[:count], id=count) for count in (2, 3, 4)]
    rows, counts = rows_of(body(by=by, task="solve", begin=2), records)
    assert sorted(row.id for row in rows) == [3, 4]
    assert counts.record()["dropped"]["no_steps"] == 1  # type: ignore[index]
    for row in rows:
        assert isinstance(row, GuidedRow)
        trace = next(record.trace for record in records if record.id == row.id)
        assert row.begin.count("Step") == 2
        assert trace.startswith(row.begin)
        assert trace[len(row.begin) :].startswith("Step 3")
        assert row.demonstration == ("" if by == "grpo" else trace[len(row.begin) :].rstrip())


def test_a_template_with_an_unknown_variable_stops_the_build() -> None:
    with pytest.raises(PromptError, match="`answer`"):
        rows_of(body(prompt="{{ answer }}"), [record_of(WORDS)])


def test_the_slice_takes_its_records_and_no_others() -> None:
    records = [record_of(WORDS, id=index * 10) for index in range(5)]
    rows, counts = rows_of(body(slice=payload.Range(first=1, end=3)), records)
    assert ({row.id for row in rows}, counts.records) == ({10, 20}, 2)


def test_a_ramped_share_hides_more_towards_the_end_of_the_run() -> None:
    plan = body(mask=mask(share=payload.Ramp(first=0.0, last=1.0)), epochs=4)
    rows, _ = rows_of(plan, [record_of(WORDS, id=index) for index in range(5)])
    hidden = [row.prompt.count("[MASKED]") for row in rows]
    assert hidden == sorted(hidden)
    assert (hidden[0], hidden[-1]) == (0, 5)


def test_progress_is_reported_for_every_row() -> None:
    seen: list[tuple[int, int]] = []
    list(build(body(epochs=2), [record_of(WORDS)], Counts(), report=lambda done, total: seen.append((done, total))))
    assert seen == [(1, 2), (2, 2)]


# --- loss spans -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss_on", "expected"),
    [
        (("thinking", "step", "answer"), ["Thinking…\nLet us see.\n\nStep 1: one\nStep 2: two\nAnswer: 20"]),
        (("step",), ["Step 1: one\nStep 2: two\n"]),
        (("answer", "thinking"), ["Thinking…\nLet us see.\n\n", "Answer: 20"]),
        (("masked",), ["Step 2: two\n"]),
        (("masked", "answer"), ["Step 2: two\nAnswer: 20"]),
    ],
)
def test_loss_covers_the_named_segments_with_their_openers(loss_on: tuple[str, ...], expected: list[str]) -> None:
    plan = body(mask=mask(select="last", count=1), loss_on=loss_on)
    assert supervised(rows_of(plan, [record_of(["one", "two"])])[0][0]) == expected


def test_loss_on_masked_numbers_covers_just_them() -> None:
    plan = body(mask=mask(unit="number", select="all"), loss_on=("masked",))
    assert supervised(rows_of(plan, [record_of(["Add 5 + 3 = 8."])])[0][0]) == ["5", "3", "8"]


def test_free_text_before_the_first_step_counts_as_thinking() -> None:
    record = TraceRecord(
        id=0, question="q", answer="2", trace="Well.\nStep 1: one\nAnswer: 2\n\n", steps=1, words=6, tokens=9
    )
    row = rows_of(body(loss_on=("thinking", "step", "answer")), [record])[0][0]
    assert supervised(row) == ["Well.\nStep 1: one\nAnswer: 2"]
    assert isinstance(row, SftRow)
    assert row.target == "Well.\nStep 1: one\nAnswer: 2"


def test_an_unmasked_row_with_loss_on_masked_only_is_dropped_and_counted() -> None:
    rows, counts = rows_of(body(mask=mask(rows=0.0), loss_on=("masked",), epochs=2), [record_of(WORDS)])
    assert (rows, counts.record()["dropped"]) == (
        [],
        {"no_steps": 0, "nothing_supervised": 2, "leak_rows": 0, "leak": []},
    )


@pytest.mark.parametrize(("task", "written"), [("solve", 1), ("rewrite", 1), ("complete", 0), ("reconstruct", 0)])
def test_a_trace_without_steps_is_dropped_where_steps_are_shown(task: str, written: int) -> None:
    record = TraceRecord(id=5, question="q", answer="2", trace="Just so.\nAnswer: 2", steps=0, words=4, tokens=6)
    rows, counts = rows_of(body(task=task), [record])
    assert (len(rows), counts.dropped["no_steps"]) == (written, 1 - written)


# --- leaks ------------------------------------------------------------------------------------------------------------


def test_a_closed_leak_is_counted_and_the_unmasked_row_hides_it_too() -> None:
    (row,), counts = rows_of(body(prompt="{{ trace }}"), [record_of(["2 + 2 = \\boxed{4}. Good.", "So 20."])])
    assert row.prompt == "Step 1: 2 + 2 = [MASKED]. Good.\nStep 2: So 20."
    assert counts.record()["sealed"] == {"rows": 1, "statement": 1, "answer": 0, "repeat": 0}


def test_what_was_hidden_to_close_a_leak_counts_as_masked_for_the_loss() -> None:
    plan = body(mask=mask(select="first", count=1), loss_on=("masked",))
    (row,), counts = rows_of(plan, [record_of(["add 5", "and add 5 again", "end"])])
    assert supervised(row) == ["Step 1: add 5\nStep 2: and add 5 again\n"]
    assert (counts.hidden_units, counts.rows_with_leaks_closed) == (1, 1)


def test_a_leak_that_cannot_be_closed_drops_the_row_and_names_it() -> None:
    """The format's own opener says what the mask hides; nothing that is hidden in the steps can help."""
    plan = body(mask=mask(unit="regex:Step", select="all"))
    rows, counts = rows_of(plan, [record_of(["from Step 1", "end"], id=17)])
    assert rows == []
    assert counts.record()["dropped"] == {"no_steps": 0, "nothing_supervised": 0, "leak_rows": 1, "leak": [17]}
    assert counts.record()["leaks"] == {"17": "repeat: Step"}


# --- the real traces --------------------------------------------------------------------------------------------------


def flat(text: str) -> str:
    return " ".join(text.split()).lower()


def given_away(record: TraceRecord, prompt: str) -> list[str]:
    """An independent check, by plain substrings, of the steps a prompt shows."""
    trace = segment(record.trace, FORMAT)
    shown = [re.sub(r"^(?:- |step \d+: )", "", flat(line)) for line in re.split(r"\n(?!  )", prompt)]
    bodies = [flat(trace.body(step)) for step in trace.steps]
    found = [text for text in bodies if text not in shown and any(text in line for line in shown)]
    found += [word for word in ("answer:", "final answer", "answer is", "\\boxed") if word in flat(prompt)]
    assert sum(text not in shown for text in bodies) == sum("[masked]" in line for line in shown)
    return found


@pytest.mark.parametrize("plan", [RECONSTRUCT, COMPLETE], ids=["reconstruct", "complete"])
def test_no_prompt_made_of_real_traces_gives_anything_away(plan: payload.RowsBody) -> None:
    records = real_records()
    rows, counts = rows_of(plan.model_copy(update={"prompt": "{{ trace }}"}), records)
    assert len(rows) == 1000
    assert [leak for row in rows if (leak := given_away(records[row.id], row.prompt))] == []
    assert counts.rows_with_leaks_closed <= 10


def test_stage_two_masks_about_three_steps_or_sixty_percent_of_real_traces() -> None:
    """facts: 2.93 steps and 60 % on the 568 released rows; these 200 traces are another sample."""
    records = real_records()
    rows, counts = rows_of(COMPLETE.model_copy(update={"prompt": "{{ trace }}"}), records)
    shares = [row.prompt.count("[MASKED]") / (row.prompt.count("\nStep ") + 1) for row in rows]
    assert 2.8 < counts.hidden_units / counts.masked_rows < 3.1
    assert 0.55 < sum(shares) / len(shares) < 0.65


def test_stage_one_masks_one_step_in_seven_of_ten_rows() -> None:
    _, counts = rows_of(RECONSTRUCT, real_records())
    assert counts.hidden_units == counts.masked_rows
    assert 0.66 < counts.masked_rows / counts.rows < 0.74


@pytest.mark.parametrize("plan", [RECONSTRUCT, COMPLETE], ids=["reconstruct", "complete"])
def test_thirty_thousand_rows_take_well_under_a_minute(plan: payload.RowsBody) -> None:
    records = real_records()
    began = time.process_time()
    rows, _ = rows_of(plan.model_copy(update={"prompt": default_prompt(plan.task)}), records)
    assert len(rows) / (time.process_time() - began) > 1000  # measured: about 7,000 rows per CPU second
