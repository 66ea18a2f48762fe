"""What stands in the way of a stage that begins with another one's optimizer."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import Change, Told, found, grpo, sft
from test_stage_rules import OF

CARRIED = grpo("optimizer: carried")


def carrying(*changes: Change, gpus: str = "0") -> list[Change]:
    """The second stage with the optimizer of the first."""
    return [CARRIED, *changes, ("gpus: 0", f"gpus: {gpus}")]


def no_carrying(message: str) -> Told:
    return "error", "carried-optimizer", "carried", message


HITS: dict[str, tuple[list[Change], Told]] = {
    "the optimizer of a model": (
        carrying(("    start: first\n", "    start: base\n"), (OF, "of: [base, first, second]")),
        no_carrying("`base` is no stage, so there is no optimizer to carry"),
    ),
    "the optimizer of adapters": (
        carrying(sft("lora: {r: 4}")),
        no_carrying("stage `first` trains adapters, which are weights of its own"),
    ),
    "an optimizer for adapters": (
        [grpo("optimizer: carried, lora: {r: 4}")],
        no_carrying("stage `second` trains adapters, which are weights of its own"),
    ),
    "another optimizer's state": (
        carrying(sft("trainer: {optim: sgd}")),
        no_carrying("stage `first` trains with `optim: sgd`, and only AdamW's state is carried"),
    ),
    "an optimizer in pieces": (
        carrying(gpus="2, strategy: zero2, per_device_batch: 1}\n  stages: {first: {strategy: ddp}"),
        no_carrying("stage `second` spreads its optimizer over 2 GPUs (`strategy: zero2`)"),
    ),
}


@pytest.mark.parametrize(("changes", "finding"), HITS.values(), ids=HITS)
def test_what_cannot_be_carried_is_found_at_its_place(changes: list[Change], finding: Told, tmp_path: Path) -> None:
    assert found(tmp_path, *changes) == [finding]


def test_the_optimizer_of_the_stage_before_is_carried(tmp_path: Path) -> None:
    assert found(tmp_path, *carrying()) == []
