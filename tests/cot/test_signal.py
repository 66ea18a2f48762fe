"""Which steps can teach anything, and what is said of a run in which few could."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.cot.signal import Streak, equal_groups, mean, notes, steps_without_signal

LOG = [
    {"step": 1, "loss": 0.1, "grad_norm": 0.5, "groups_without_signal": 0.5},
    {"step": 2, "loss": 0.1, "grad_norm": 0.5},
    {"step": 3, "loss": 0.0, "grad_norm": 0.2, "groups_without_signal": 1.0},
    {"step": 4, "loss": 0.0, "grad_norm": 0.2},
    {"step": 5, "loss": 0.0, "grad_norm": 0.0, "groups_without_signal": 0.25},
]
"""Two steps a generation; the KL term has a gradient whatever the rewards."""


@pytest.mark.parametrize(
    ("rewards", "kept", "share"),
    [
        ([1, 1, 1, -1], [True] * 4, 0.0),
        ([-1, -1, -1, -1], [True] * 4, 1.0),
        ([-1, None, None, -1], [True] * 4, 1.0),
        ([None, None, None, None], [True] * 4, 1.0),
        ([None, 1, None, 2], [True] * 4, 0.0),
        ([1, 1, 1, -1], [False] * 4, 1.0),  # all are out of the loss
        ([1, -1, -1, -1], [False, True, True, True], 0.0),  # what is left is below the mean
        ([1, -1, 0, 0], [False, False, True, True], 1.0),  # what is left is the mean
        ([0.1 + 0.2, 0.3, 0.3, 0.3], [True] * 4, 1.0),  # equal in 32 bits
        ([1, 1, 1, 1, 1, 1, 1, 0], [True] * 8, 0.5),
    ],
)
def test_a_group_teaches_when_a_completion_in_the_loss_differs_from_its_mean(
    rewards: list[float | None], kept: list[bool], share: float
) -> None:
    assert len(equal_groups(list(zip(rewards, kept, strict=True)), 4)) * 4 / len(rewards) == share


@given(st.lists(st.lists(st.sampled_from([-1.0, 0.1, 0.7]), min_size=3, max_size=3), min_size=1, max_size=6))
def test_groups_of_equal_rewards_are_named_by_their_number(groups: list[list[float]]) -> None:
    flat = [(reward, True) for group in groups for reward in group]
    assert equal_groups(flat, 3) == {at for at, group in enumerate(groups) if len(set(group)) == 1}


def test_steps_of_one_generation_share_its_signal_and_a_zero_gradient_is_none() -> None:
    lengths = [len(Streak(LOG[:end])) for end in range(6)]
    assert lengths == [0, 0, 0, 1, 2, 3]
    assert steps_without_signal(LOG) == 3
    assert Streak(LOG).mean("groups_without_signal") == (1.0 + 0.25) / 2


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, None]), max_size=12), st.integers(0, 12))
def test_a_resumed_run_counts_as_one_that_never_stopped(shares: list[float | None], stop: int) -> None:
    log = [{"loss": 0.0, "grad_norm": 0.1, **({} if s is None else {"groups_without_signal": s})} for s in shares]
    resumed = Streak(log[:stop])
    for entry in log[stop:]:
        resumed.add(entry)
    assert resumed.entries == Streak(log).entries


def test_what_is_logged_at_the_end_of_a_run_is_no_step() -> None:
    assert len(Streak([*LOG, {"train_runtime": 3.0}])) == len(Streak(LOG))


def test_sft_has_signal_as_long_as_it_has_a_gradient() -> None:
    assert steps_without_signal([{"loss": 0.0, "grad_norm": 0.0}, {"loss": 1.0, "grad_norm": 1e-9}, {"loss": 1.0}]) == 1


def test_a_mean_is_over_the_lines_that_have_the_number() -> None:
    assert mean(LOG, "groups_without_signal") == (0.5 + 1.0 + 0.25) / 3
    assert mean(LOG, "truncated") is None


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ({"rows": 100, "rows_too_long": 0, "steps": 9, "steps_without_signal": 0}, []),
        ({"rows": 200, "rows_too_long": 1}, ["1 of 200 rows (under 1 %) were left out as too long"]),
        ({"rows": 200, "rows_beyond_last_batch": 3}, []),
        (
            {"rows": 200, "rows_beyond_last_batch": 40},
            ["40 of 200 rows (20 %) fill no batch and were not used"],
        ),
        ({"steps": 8, "steps_without_signal": 8}, ["it learnt nothing: none of its 8 steps had a signal"]),
        (
            {"steps": 8, "steps_without_signal": 2, "groups_without_signal": 0.9, "truncated": 0.2},
            ["it learnt little: 2 of 8 steps had no signal, 90 % of the groups taught nothing"],
        ),
        ({"steps": 8, "truncated": 0.999}, ["over 99 % of its completions were cut at `max_new_tokens`"]),
        ({"n": 3, "accuracy": 0.5}, []),
    ],
)
def test_a_finished_stage_tells_what_it_left_out_and_how_little_it_learnt(
    metrics: dict[str, float], told: list[str]
) -> None:
    assert notes(metrics) == told


def test_the_more_groups_teach_nothing_the_sooner_it_is_said() -> None:
    told = [bool(notes({"steps": 9, "groups_without_signal": share / 10})) for share in range(11)]
    assert told[0] is False
    assert told[10] is True
    assert all(after or not before for before, after in pairwise(told))
