"""Wilson intervals against published and derived values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.cot.stats import Z95, paired_difference, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_the_published_one(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


counts = st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_the_interval_holds_the_share_and_stays_in_range(count: tuple[int, int]) -> None:
    successes, n = count
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert low < high


@given(counts)
def test_the_interval_is_symmetric_in_success_and_failure(count: tuple[int, int]) -> None:
    successes, n = count
    low, high = wilson(successes, n)
    assert wilson(n - successes, n) == (pytest.approx(1 - high, abs=1e-12), pytest.approx(1 - low, abs=1e-12))


@given(counts)
def test_the_ends_are_where_the_score_test_just_rejects(count: tuple[int, int]) -> None:
    successes, n = count
    for end in wilson(successes, n):
        if 0 < end < 1:
            assert (successes / n - end) ** 2 == pytest.approx(Z95**2 * end * (1 - end) / n, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("successes", "n", "said"),
    [
        (0, 0, "^an interval needs at least one observation$"),
        (1, 0, "^an interval needs at least one observation$"),
        (-1, 5, "^-1 successes of 5 are impossible$"),
        (6, 5, "^6 successes of 5 are impossible$"),
    ],
)
def test_an_impossible_count_is_refused(successes: int, n: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        wilson(successes, n)


def test_a_paired_difference_is_the_share_that_changed_and_its_interval_the_adjusted_one() -> None:
    # By hand: n' = 102, (20.5 - 5.5) / 102 = 0.14706; sqrt(26 - 15^2 / 102) / 102 × 1.95996 = 0.09372.
    share, low, high = paired_difference(100, 20, 5)
    assert share == pytest.approx(0.15)
    assert (low, high) == (pytest.approx(0.05333, abs=1e-5), pytest.approx(0.24079, abs=1e-5))


CHANGED = st.integers(1, 5000).flatmap(
    lambda n: st.integers(0, n).flatmap(lambda g: st.tuples(st.just(n), st.just(g), st.integers(0, n - g)))
)


@given(CHANGED)
def test_a_paired_interval_stays_in_range_and_turns_around_with_the_sides(case: tuple[int, int, int]) -> None:
    n, gained, lost = case
    share, low, high = paired_difference(n, gained, lost)
    assert -1.0 <= low <= high <= 1.0
    assert low <= share <= high or abs(share) > 0.9  # it is drawn towards 0 by the adjustment
    back = paired_difference(n, lost, gained)
    assert back == (pytest.approx(-share), pytest.approx(-high), pytest.approx(-low))


@pytest.mark.parametrize(
    ("n", "gained", "lost", "said"),
    [
        (0, 0, 0, "^an interval needs at least one observation$"),
        (5, 3, 3, "^3 gained and 3 lost of 5 are impossible$"),
        (5, -1, 0, "^-1 gained and 0 lost of 5 are impossible$"),
        (5, 0, -1, "^0 gained and -1 lost of 5 are impossible$"),
    ],
)
def test_impossible_counts_of_a_paired_difference_are_refused(n: int, gained: int, lost: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        paired_difference(n, gained, lost)
