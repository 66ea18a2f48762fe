"""Wilson intervals against published and derived values."""

from __future__ import annotations

from itertools import combinations
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.cot.stats import Z95, clustered, over_seeds, paired_difference, pass_at, t95, wilson


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


def changes(n: int, gained: int, lost: int) -> list[float]:
    return [1.0] * gained + [-1.0] * lost + [0.0] * (n - gained - lost)


def test_a_paired_difference_is_the_share_that_changed_and_its_interval_the_adjusted_one() -> None:
    # By hand: n' = 102, (20.5 - 5.5) / 102 = 0.14706; sqrt(26 - 15^2 / 102) / 102 × 1.95996 = 0.09372.
    share, low, high = paired_difference(changes(100, 20, 5))
    assert share == pytest.approx(0.15)
    assert (low, high) == (pytest.approx(0.05333, abs=1e-5), pytest.approx(0.24079, abs=1e-5))


def test_of_several_answers_a_question_the_difference_of_their_shares_counts() -> None:
    # By hand: sum 1, n' = 6, centre 1/6; variance (0.25 × 4 + 1) / 6 - 1/36 = 0.30556; sqrt(0.30556 / 6) × 1.95996.
    share, low, high = paired_difference([0.5, 0.5, 0.5, -0.5])
    assert share == 0.25
    assert (low, high) == (pytest.approx(1 / 6 - 0.44230, abs=1e-5), pytest.approx(1 / 6 + 0.44230, abs=1e-5))


CHANGED = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=1, max_size=300)


@given(CHANGED)
def test_a_paired_interval_stays_in_range_and_turns_around_with_the_sides(differences: list[float]) -> None:
    share, low, high = paired_difference(differences)
    assert -1.0 <= low <= high <= 1.0
    assert low <= share <= high or abs(share) > 0.9  # it is drawn towards 0 by the adjustment
    back = paired_difference([-each for each in differences])
    assert back == (pytest.approx(-share), pytest.approx(-high), pytest.approx(-low))


def test_impossible_differences_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^an interval needs at least one observation$"):
        paired_difference([])
    with pytest.raises(ValueError, match=r"^a difference of shares is from -1 to 1$"):
        paired_difference([0.0, 1.5])


# --- several answers to a question ------------------------------------------------------------------------------------


@given(st.lists(st.booleans(), min_size=1, max_size=50))
def test_with_one_answer_a_question_the_interval_is_wilsons(right: list[bool]) -> None:
    assert clustered([float(each) for each in right], 1) == wilson(sum(right), len(right))


def test_answers_that_are_all_alike_are_worth_one_and_independent_ones_all() -> None:
    alike = clustered([1.0] * 30 + [0.0] * 20, 8)
    assert alike == wilson(30, 50)
    spread = [0.6 + (0.1 if at % 2 else -0.1) for at in range(1000)]  # less apart than chance has them
    assert clustered(spread, 4) == pytest.approx(wilson(2400, 4000), abs=1e-12)


def test_the_interval_of_several_answers_a_question_covers_what_it_says() -> None:
    """400 questions, 8 answers each, as a model has them: right always or never, mostly. By 2,000 draws the coverage is
    known to half a point; Wilson's interval over all answers is what it must not be."""
    numpy = pytest.importorskip("numpy")
    draw = numpy.random.default_rng(0)
    covered = naive = 0
    for _ in range(2000):
        right = draw.binomial(8, draw.beta(0.6, 0.25, 400))
        low, high = clustered([int(number) / 8 for number in right], 8)
        covered += low <= 0.6 / 0.85 <= high
        low, high = wilson(int(right.sum()), 3200)
        naive += low <= 0.6 / 0.85 <= high
    assert 0.94 <= covered / 2000 <= 0.965
    assert naive / 2000 < 0.7


@pytest.mark.parametrize("samples", range(1, 8))
def test_pass_at_k_is_the_share_of_all_draws_that_hold_a_right_answer(samples: int) -> None:
    for right in range(samples + 1):
        for k in range(1, samples + 1):
            draws = list(combinations([True] * right + [False] * (samples - right), k))
            assert pass_at(k, right, samples) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_is_what_its_paper_computes() -> None:
    """Chen et al. 2021, figure 3: `1 - prod(1 - k / arange(n - c + 1, n + 1))`."""
    for samples, right, k in ((200, 3, 100), (200, 120, 10), (64, 1, 64), (10, 0, 5), (10, 8, 5)):
        theirs = 1.0 if samples - right < k else 1 - prod(1 - k / i for i in range(samples - right + 1, samples + 1))
        assert pass_at(k, right, samples) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize(("k", "right", "samples"), [(0, 1, 4), (5, 1, 4), (2, 5, 4), (2, -1, 4)])
def test_draws_that_there_are_not_are_refused(k: int, right: int, samples: int) -> None:
    with pytest.raises(ValueError, match=r"is impossible$"):
        pass_at(k, right, samples)


# --- over seeds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.7062), (2, 4.3027), (10, 2.2281), (11, 2.2010), (30, 2.0423), (120, 1.9799)]
)
def test_the_quantiles_are_those_of_students_table(freedom: int, quantile: float) -> None:
    assert t95(freedom) == pytest.approx(quantile, abs=2e-4)


def test_where_problems_are_alike_the_interval_is_students_over_the_seeds() -> None:
    """By hand: means 0.6, 0.7, 0.8; sd 0.1; 4.30265 × 0.1 / sqrt(3) = 0.24841."""
    found = over_seeds([[mean] * 50 for mean in (0.6, 0.7, 0.8)])
    assert (found.mean, found.sd) == (pytest.approx(0.7), pytest.approx(0.1))
    assert (found.low, found.high) == (pytest.approx(0.7 - 0.24841, abs=1e-5), pytest.approx(0.7 + 0.24841, abs=1e-5))


def test_where_seeds_are_alike_the_problems_are_what_is_drawn() -> None:
    """Nothing is random but which problems were asked: the interval of one seed, of half of them right."""
    found = over_seeds([[1.0, 0.0] * 200] * 3)
    assert found.sd == 0
    assert found.high - found.mean == pytest.approx(t95(399) * (0.25 * 400 / 399 / 400) ** 0.5)


def test_seeds_and_problems_both_widen_the_interval() -> None:
    """By hand, of three seeds and five problems: mean 3/5; mean squares 1/5 (seeds), 17/30 (problems), 7/60 (rest);
    what seeds and problems add is 13/20, with 4.14 degrees of freedom, so 4."""
    found = over_seeds([[1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0]])
    assert (found.mean, found.sd) == (pytest.approx(0.6), pytest.approx(0.2))
    assert found.high - found.mean == pytest.approx(2.776445 * (13 / 20 / 15) ** 0.5)


def test_the_interval_covers_other_seeds_and_other_problems() -> None:
    """Seeds and problems are drawn anew each time; neither alone would do (decision 45)."""
    numpy = pytest.importorskip("numpy")
    draw, problems, rounds = numpy.random.default_rng(0), 100, 400
    for seeds, apart in ((2, 0.3), (3, 0.0), (3, 0.3), (5, 0.1)):
        covered = 0
        for _ in range(rounds):
            each = 1.5 * draw.normal(size=problems) + apart * draw.normal(size=(seeds, 1))
            right = draw.random((seeds, problems)) < 1 / (1 + numpy.exp(-each))
            found = over_seeds(right.astype(float).tolist())
            covered += found.low <= 0.5 <= found.high
        assert covered / rounds >= 0.93, (seeds, apart, covered / rounds)


@pytest.mark.parametrize("table", [[], [[1.0, 0.0]], [[1.0], [0.0]]])
def test_one_seed_or_one_problem_has_no_spread(table: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"^a spread needs two seeds and two questions$"):
        over_seeds(table)
