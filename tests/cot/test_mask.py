"""How many units are hidden, which ones, and how the rest reads."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from itertools import groupby, pairwise
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_samples import QUICK, mask, masks, step_lists, trace_of

from cotspec.cot.mask import choose, corrupt, hidden_count, merged
from cotspec.cot.units import units
from cotspec.spec import payload


def picked(rule: payload.Mask, n: int, seed: int = 0) -> tuple[int, ...]:
    return choose(rule, n, rng=random.Random(seed), progress=0.0)


def runs(indices: tuple[int, ...]) -> list[int]:
    """Lengths of the runs of neighbours."""
    return [len(list(run)) for _, run in groupby(enumerate(indices), lambda pair: pair[1] - pair[0])]


@QUICK
@given(masks, step_lists, st.integers(0, 99))
def test_as_many_units_are_hidden_as_the_formula_says(rule: payload.Mask, steps: list[str], seed: int) -> None:
    trace = trace_of(steps)
    n = len(units(trace, rule.unit))
    share = Fraction(round(rule.share.first * 100), 100)
    wanted = {"all": n, "inner": n - 2}.get(rule.select, max(rule.count, floor(share * n), rule.at_least))
    result = corrupt(trace, rule, opener="Step {n}:", rng=random.Random(seed), progress=0.0, shuffle=False)
    assert len(result.hidden) == max(0, min(wanted, n - rule.leave))


@QUICK
@given(masks, step_lists, st.integers(0, 99))
def test_text_that_is_not_hidden_is_unchanged(rule: payload.Mask, steps: list[str], seed: int) -> None:
    trace = trace_of(steps)
    result = corrupt(trace, rule, opener="Step {n}:", rng=random.Random(seed), progress=0.0, shuffle=False)
    starts, covered = {start for start, _ in result.hidden}, {at for span in result.hidden for at in range(*span)}
    lines = []
    for step in trace.steps:
        shown = "".join(
            "[MASKED]" if at in starts else "" if at in covered else trace.text[at]
            for at in range(step.body_start, step.body_end)
        )
        lines.append(f"Step {step.number}: {shown}")
    assert result.shown == "\n".join(lines)


@QUICK
@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 99))
def test_scattered_avoids_neighbours_while_it_can(n: int, count: int, seed: int) -> None:
    hidden = picked(mask(select="scattered", count=count), n, seed)
    count = min(count, n)
    least = -(-count // (n - count + 1))  # `count` units in at most n − count + 1 runs
    assert sorted(set(hidden)) == list(hidden)
    assert len(hidden) == count
    assert max(runs(hidden), default=0) == least
    if count <= (n + 1) // 2:
        assert least <= 1


def test_every_scattered_choice_is_equally_likely() -> None:
    rule, rng = mask(select="scattered", count=2), random.Random(1)
    seen = Counter(choose(rule, 5, rng=rng, progress=0.0) for _ in range(6000))
    assert set(seen) == {(0, 2), (0, 3), (0, 4), (1, 3), (1, 4), (2, 4)}
    assert min(seen.values()) > 850


@pytest.mark.parametrize(
    ("select", "n", "changes", "expected"),
    [
        ("first", 5, {"count": 2}, {(0, 1)}),
        ("last", 5, {"count": 2}, {(3, 4)}),
        ("consecutive", 4, {"count": 2}, {(0, 1), (1, 2), (2, 3)}),
        ("random", 3, {"count": 2}, {(0, 1), (0, 2), (1, 2)}),
        ("scattered", 4, {"at_least": 3, "leave": 1, "share": 0.5}, {(0, 1, 3), (0, 2, 3)}),
        ("inner", 5, {}, {(1, 2, 3)}),
        ("inner", 2, {}, {()}),
        ("inner", 5, {"leave": 4}, {(1,), (2,), (3,)}),
        ("all", 3, {}, {(0, 1, 2)}),
        ("all", 3, {"leave": 1}, {(0, 1), (0, 2), (1, 2)}),
        ("random", 0, {"count": 3}, {()}),
        ("consecutive", 0, {"count": 3}, {()}),
    ],
)
def test_each_selection_reaches_exactly_its_choices(
    select: str, n: int, changes: dict[str, float], expected: set[tuple[int, ...]]
) -> None:
    assert {picked(mask(select=select, **changes), n, seed) for seed in range(200)} == expected


@pytest.mark.parametrize(("progress", "count"), [(0.0, 2), (0.5, 5), (1.0, 8)])
def test_a_ramped_share_moves_with_the_run(progress: float, count: int) -> None:
    assert hidden_count(mask(share=payload.Ramp(first=0.25, last=1.0)), 8, progress=progress) == count


def test_a_share_counts_as_a_person_counts() -> None:
    assert hidden_count(mask(share=0.29), 100, progress=0.0) == 29  # 0.29 * 100 is 28.999999999999996


def test_the_share_of_masked_rows_is_drawn_per_row() -> None:
    trace, rng = trace_of(["one", "two", "three"]), random.Random(5)
    rule = mask(rows=0.7, count=1)
    masked = [bool(corrupt(trace, rule, opener="", rng=rng, progress=0.0, shuffle=False).hidden) for _ in range(2000)]
    assert 0.66 < sum(masked) / 2000 < 0.74


def test_shuffled_steps_carry_no_numbers_and_stand_in_every_order() -> None:
    trace, rng = trace_of(["one", "two\nmore", "three"]), random.Random(3)
    shown = {
        corrupt(trace, mask(rows=0.0), opener="Step {n}:", rng=rng, progress=0.0, shuffle=True).shown
        for _ in range(200)
    }
    assert len(shown) == 6
    assert all(sorted(text.split("\n")) == ["  more", "- one", "- three", "- two"] for text in shown)


@QUICK
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: (min(pair), max(pair)))))
def test_merged_spans_cover_the_same_characters_and_do_not_touch(spans: list[tuple[int, int]]) -> None:
    result = merged(spans)
    assert {at for span in result for at in range(*span)} == {at for span in spans for at in range(*span)}
    assert all(first[1] < second[0] for first, second in pairwise(result))
