"""Estimates as they are read: units a person uses, and what is unknown never a number."""

from __future__ import annotations

import json

import pytest

from cotspec.passes.cost import Amount, Comparison, Cost, total
from cotspec.views import costs


def cost(seconds: float | None, *, memory: float | None = 3 * 2**30, kind: str = "sft", tokens: float = 0.0) -> Cost:
    def amount(value: float | None, formula: str = "") -> Amount:
        return Amount(value, formula, "from a test")

    return Cost(
        task="a", kind=kind, device="cpu", devices=1, seconds=amount(seconds, "2·N"),
        hours=amount(None if seconds is None else seconds / 3600), memory=amount(memory), disk=amount(10.0),
        scratch=amount(5.0), tokens=amount(tokens), plain=amount(seconds), measured=None,
    )  # fmt: skip


@pytest.mark.parametrize(("seconds", "said"), [(40, "40 s"), (600, "10 min"), (12600, "3.5 h")])
def test_a_duration_is_told_in_the_unit_a_person_would_use(seconds: float, said: str) -> None:
    assert costs.duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(12, "12 B"), (1536, "1.5 KiB"), (3 * 2**30, "3.0 GiB"), (2**51, "2048.0 TiB")]
)
def test_a_size_is_told_in_binary_units(count: float, said: str) -> None:
    assert costs.size(count) == said


def test_what_is_unknown_is_a_question_mark_and_counted_in_the_total() -> None:
    assert costs.short(cost(None)) == "?, 3.0 GiB"
    lines = list(costs.totals(total([cost(600), cost(None)])))
    assert lines[0] == "time    ≥ 10 min (1 of 2 tasks unknown) on cpu"


def test_the_teachers_tokens_are_told_apart() -> None:
    lines = list(costs.totals(total([cost(1, kind="teach", tokens=2000), cost(1, tokens=500)])))
    assert lines[-1] == "tokens  2,000 by the teacher, 2,500 in all"


def test_formulas_name_where_their_inputs_come_from() -> None:
    assert "time: 2·N; from a test" in list(costs.formulas(cost(3)))


def test_records_hold_plain_numbers_and_none_for_what_is_unknown() -> None:
    record = json.loads(json.dumps(costs.record(cost(None))))
    assert record["seconds"] == {"value": None, "limit": "about", "formula": "2·N", "source": "from a test"}
    assert json.loads(json.dumps(costs.total_record(total([cost(60)]))))["seconds"]["value"] == 60


def test_how_far_estimates_were_off_is_told_with_the_number_of_runs() -> None:
    runs = [
        Comparison(task=str(n), family="sft", device="cpu", measured=10.0, plain=plain, scaled=11.0)
        for n, plain in enumerate((5.0, 8.0, 12.0))
    ]
    assert list(costs.compared(runs)) == [
        "checked against 3 measured runs: off by 20 % (median) by formula, by 10 % scaled by the other runs of the kind"
    ]
    assert list(costs.compared([])) == []
