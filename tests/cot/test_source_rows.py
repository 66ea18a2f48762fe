"""Columns of a row: nested ones, several as one, turns of a chat, and answers in a box."""

from __future__ import annotations

from typing import Any

import pytest

from cotspec.cot.source_rows import Columns, Named, RowError, pair, read, text
from cotspec.files.tables import Bad, Place, Row

ROW: dict[str, Any] = {
    "question": "plain",
    "a.b": "a name with a dot",
    "extra_info": {"question": "nested", "index": 3, "tags": ["x", "y"]},
    "instruction": "Add.",
    "input": "3 and 4",
    "none": None,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "3 + 4?"},
        {"role": "assistant", "content": "Step 1: 7\nAnswer: 7"},
    ],
    "conversations": [
        {"from": "human", "value": "one"},
        {"from": "gpt", "value": "two"},
        {"from": "human", "value": "three"},
    ],
    "answer": "First \\boxed{3}. Then four more are added to them, which makes \\boxed{7}.",
}


def of(question: Named, answer: str = "extra_info.index", **more: Any) -> tuple[str, str]:
    return pair(ROW, Columns(question, answer, "", **more))


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("question", "plain"),
        ("a.b", "a name with a dot"),
        ("extra_info.question", "nested"),
        ("extra_info.tags.0", "x"),
        ("extra_info.tags.-1", "y"),
        (("instruction", "input"), "Add.\n3 and 4"),
        (("instruction", "none"), "Add."),
        ("messages.user", "3 + 4?"),
        ("messages.-1.content", "Step 1: 7\nAnswer: 7"),
        ("conversations.gpt", "two"),
        ("conversations.human.0", "one"),
        ("conversations.human.-1", "three"),
        (("conversations.human.0", "conversations.gpt"), "one\ntwo"),
    ],
)
def test_a_name_finds_what_it_stands_for(named: Named, found: str) -> None:
    assert of(named) == (found, "3")
    assert text(ROW, Columns("question", "answer", "", named)) == found


@pytest.mark.parametrize(
    ("named", "message", "there"),
    [
        (
            "extra_info.questoin",
            "no column `extra_info.questoin`; there are extra_info.index, extra_info.question, extra_info.tags",
            ("extra_info.index", "extra_info.question", "extra_info.tags"),
        ),
        ("question.more", "no column `question.more`; there are none", ()),
        (
            "extra_info.tags.2",
            "no column `extra_info.tags.2`; there are extra_info.tags.0, extra_info.tags.1",
            ("extra_info.tags.0", "extra_info.tags.1"),
        ),
        (
            "messages.human",
            "no column `messages.human`; there are messages.system, messages.user, messages.assistant",
            ("messages.system", "messages.user", "messages.assistant"),
        ),
        (
            "conversations.human",
            "`conversations.human` has 2 turns, not one: write which, `conversations.human.0` for the first",
            (),
        ),
        (
            "messages",
            "column `messages` holds [{'content': 'Be brief.', 'role': 'syst… (list), which is neither a text nor a "
            "number; name what is in it: messages.system, messages.user, messages.assistant",
            (),
        ),
        (("none", "none"), "column `none`, `none` is empty", ()),
        (("none", "input.x"), "no column `input.x`; there are none", ()),
    ],
)
def test_a_name_that_finds_nothing_is_told_what_there_is(named: Named, message: str, there: tuple[str, ...]) -> None:
    with pytest.raises(RowError) as caught:
        of(named)
    assert (caught.value.fault.message, caught.value.fault.there) == (message, there)


def test_an_answer_in_a_box_is_the_last_one() -> None:
    assert of("question", "answer", boxed=True) == ("plain", "7")
    with pytest.raises(RowError) as caught:
        of("question", "instruction", boxed=True)
    assert caught.value.fault == ("boxed", "no \\boxed{…} in the answer field 'Add.'", "", (), "")


def test_turns_of_two_kinds_are_no_chat() -> None:
    mixed = {"messages": [{"role": "user", "content": "x"}, {"from": "gpt", "value": "y"}]}
    with pytest.raises(RowError) as caught:
        pair(mixed, Columns("messages.user", "messages.gpt", ""))
    assert caught.value.fault.message == "no column `messages.user`; there are messages.0, messages.1"


GOOD, TORN = b'{"question": "3 + 4?", "answer": "7"}', Bad("cut off", ends=True)
NO_JSON, NO_GOLD = b"x", b'{"question": "q"}'


@pytest.mark.parametrize(
    ("rows", "slice", "good", "bad", "within"),
    [
        ([GOOD, NO_JSON, GOOD, NO_GOLD], (0, None), [0, 2], 2, {0.5: True, 0.49: False, 0: False}),
        ([NO_JSON, GOOD, NO_GOLD, GOOD, NO_GOLD], (1, 4), [1, 3], 1, {0.33: False, 0.34: True}),
        ([GOOD] * 71 + [NO_GOLD] * 29, (0, None), [*range(71)], 29, {0.29: True, 0.2899: False}),
        ([NO_GOLD, NO_JSON], (0, None), [], 2, {1: False}),
        ([GOOD, TORN], (0, None), [0], 1, {1: False}),
        ([TORN, GOOD], (1, 2), [1], 1, {1: False}),
        ([GOOD], (0, None), [0], 0, {0: True}),
    ],
)
def test_rows_of_the_slice_are_good_or_bad_and_few_bad_ones_may_be_left_out(
    rows: list[Row], slice: tuple[int, int | None], good: list[int], bad: int, within: dict[float, bool]
) -> None:
    places = ((Place("", number), row) for number, row in enumerate(rows, 1))
    reading = read(places, Columns("question", "answer", ""), first=slice[0], end=slice[1])
    assert ([each.row for each in reading.questions], reading.bad) == (good, bad)
    assert {most: reading.within(most) for most in within} == within


def test_a_set_without_gold_answers_has_none() -> None:
    assert of("question", "") == ("plain", "")
