"""Which of several good rollouts of a question becomes its trace."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cotspec.cot.picking import pick
from cotspec.spec.payload import Pick

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=8)


def rule(kind: str, *, shortest: float = 0.0, seed: int = 0) -> Pick:
    return Pick.model_validate({"kind": kind, "shortest": shortest, "seed": seed})


@given(LENGTHS)
def test_the_first_of_the_shortest_and_of_the_longest_is_picked(lengths: list[int]) -> None:
    assert pick(rule("first"), lengths, question=3) == 0
    assert pick(rule("shortest"), lengths, question=3) == min(range(len(lengths)), key=lambda i: (lengths[i], i))
    assert pick(rule("longest"), lengths, question=3) == min(range(len(lengths)), key=lambda i: (-lengths[i], i))


@given(LENGTHS, st.floats(0, 1), st.integers(0, 9), st.integers(0, 999))
def test_a_mixed_choice_is_the_shortest_or_the_longest_and_the_same_each_time(
    lengths: list[int], share: float, seed: int, question: int
) -> None:
    mixed = rule("mixed", shortest=share, seed=seed)
    found = pick(mixed, lengths, question=question)
    assert lengths[found] in (min(lengths), max(lengths))
    assert found == pick(mixed, lengths, question=question)


def test_the_share_of_questions_that_keep_their_shortest_is_the_one_asked_for() -> None:
    for share in (0.0, 0.2, 0.8, 1.0):
        short = sum(pick(rule("mixed", shortest=share), [9, 2], question=q) for q in range(4000)) / 4000
        assert abs(short - share) < 0.03


def test_another_seed_draws_other_questions() -> None:
    draws = [[pick(rule("mixed", shortest=0.5, seed=seed), [9, 2], question=q) for q in range(64)] for seed in (1, 2)]
    assert draws[0] != draws[1]
