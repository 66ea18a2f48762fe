"""Which tokens of a completion carry loss, where a spec names the segments that do."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import bodies
import pytest

from cotspec.cot.segment import segment
from cotspec.runtime import models
from cotspec.runtime.stopping import Cut
from cotspec.spec.payload import SegmentFormat

pytest.importorskip("trl", reason="these tests need the `train` extra")

FORM = (
    SegmentFormat(name="answer", opens="<answer>", closes="</answer>", grade=True),
    SegmentFormat(name="critic", opens="<critic>", closes="</critic>", label=("T", "F")),
    SegmentFormat(name="revised", opens="<revised>", closes="</revised>", grade=True, when="critic.F"),
)
FORMAT = bodies.FORMAT.model_copy(update={"answer": "<answer>", "form": FORM})
TEXT = "Let – me\n<answer>5 pens 🖊</answer><critic>four… F</critic>\n<revised>4 pens</revised>\n"


def loss(tiny_model: Path, *names: str, when: dict[str, str] | None = None) -> tuple[Any, Any]:
    from cotspec.runtime.trainers.grpo_segments import SegmentLoss

    tokenizer = models.load_tokenizer(models.ModelSource(folder=tiny_model, chat=None, trust_remote_code=False))
    return SegmentLoss(bodies.grpo(format=FORMAT, loss_on=names, loss_when=when or {}), tokenizer), tokenizer


@pytest.mark.parametrize("names", [("answer", "critic"), ("revised",), ("thinking",), ("critic",)])
def test_a_token_carries_loss_when_it_covers_a_character_of_a_named_segment(
    names: tuple[str, ...], tiny_model: Path
) -> None:
    found, tokenizer = loss(tiny_model, *names)
    ids = [*tokenizer(TEXT, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    assert tokenizer.decode(ids, skip_special_tokens=True) == TEXT
    kinds = {*names, *(["preamble"] if "thinking" in names else [])}
    for cut in (None, *random.Random(1).sample(range(1, len(ids)), 8)):
        own = ids[:cut]
        text = tokenizer.decode(own, skip_special_tokens=True)
        kind_at = [part.kind for part in segment(text, FORMAT).segments for _ in range(part.start, part.end)]
        lengths = [len(tokenizer.decode(own[:n], skip_special_tokens=True)) for n in range(len(own) + 1)]
        mask = found.mask(own, None, begin="", thinking=False, row={"answer": "5"})
        for place, carries in enumerate(mask):
            start, end = lengths[place], lengths[place + 1]
            # A byte of a character adds nothing to the text: it belongs to the character that it completes.
            covered = kind_at[start:end] or kind_at[max(0, start - 1) : start] or kind_at[-1:]
            assert bool(carries) is bool(kinds & set(covered)), (place, text[start:end])


def test_the_end_of_sequence_belongs_to_the_last_segment(tiny_model: Path) -> None:
    for names, ends in ((("revised",), 1), (("answer", "critic"), 0)):
        found, tokenizer = loss(tiny_model, *names)
        ids = [*tokenizer(TEXT, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        assert found.mask(ids, None, begin="", thinking=False, row={"answer": "5"})[-1] == ends


def test_what_an_answer_begins_with_is_read_and_has_no_tokens(tiny_model: Path) -> None:
    found, tokenizer = loss(tiny_model, "critic")
    begin, rest = "<answer>5</answer>\n<critic>so it", " is. T</critic>"
    ids = tokenizer(rest, add_special_tokens=False)["input_ids"]
    assert found.mask(ids, None, begin=begin, thinking=False, row={"answer": "5"}) == [1] * len(ids)
    assert found.mask(ids, None, begin="", thinking=False, row={"answer": "5"}) == [0] * len(ids)


def test_thoughts_that_are_still_open_are_no_segment(tiny_model: Path) -> None:
    found, tokenizer = loss(tiny_model, "critic")
    ids = tokenizer("hm\n<critic>T</critic>", add_special_tokens=False)["input_ids"]
    assert found.mask(ids, None, begin="", thinking=True, row={"answer": "5"}) == [0] * len(ids)


def test_what_stops_a_completion_belongs_to_the_last_segment(tiny_model: Path) -> None:
    found, tokenizer = loss(tiny_model, "critic")
    kept = "<answer>5</answer>\n<critic>so it is"
    ids = tokenizer(kept + " Question:", add_special_tokens=False)["input_ids"]
    before = len(tokenizer("<answer>5</answer>\n", add_special_tokens=False)["input_ids"])
    mask = found.mask(ids, Cut(len(ids), kept), begin="", thinking=False, row={"answer": "5"})
    assert mask == [0] * before + [1] * (len(ids) - before)


@pytest.mark.parametrize(("gold", "carries"), [("5", True), ("6", False)])
def test_a_segment_with_a_condition_carries_loss_where_its_completion_meets_it(
    gold: str, carries: bool, tiny_model: Path
) -> None:
    found, tokenizer = loss(tiny_model, "answer", "critic", when={"answer": "answer.correct", "critic": "critic.T"})
    answer = "<answer>5</answer>\n"
    ids = tokenizer(answer + "<critic>no. F</critic>", add_special_tokens=False)["input_ids"]
    before = len(tokenizer(answer, add_special_tokens=False)["input_ids"])
    expected = [int(carries)] * before + [0] * (len(ids) - before)
    assert found.mask(ids, None, begin="", thinking=False, row={"answer": gold}) == expected


@pytest.mark.parametrize("right", [True, False])
def test_a_condition_may_ask_about_the_texts_of_the_row(right: bool, tiny_model: Path) -> None:
    found, tokenizer = loss(tiny_model, "answer", when={"answer": "text_1.correct and words < 9"})
    ids = tokenizer("<answer>5</answer>", add_special_tokens=False)["input_ids"]
    row = {"answer": "5", "texts": {"text_1.correct": right}}
    assert found.mask(ids, None, begin="", thinking=False, row=row) == [int(right)] * len(ids)
