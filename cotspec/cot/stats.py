"""Interval estimates for shares: of one sample, of several answers a question, of seeds. Knows not what was counted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % score interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22:209). ValueError for an empty sample."""
    if n <= 0:
        raise ValueError("an interval needs at least one observation")
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} are impossible")
    low, high = _score(successes / n, n)
    # At the ends the formula is exactly 0 or 1; rounding must not move it.
    return (0.0 if successes == 0 else low, 1.0 if successes == n else high)


def _score(share: float, n: float) -> tuple[float, float]:
    z2 = Z95 * Z95
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return (centre - half, centre + half)


def clustered(shares: Sequence[float], samples: int) -> tuple[float, float]:
    """95 % interval of the mean of shares, one a question, each of so many samples: Wilson's, with as many observations
    as the questions are worth (Korn and Graubard 1998, Surv. Methodol. 24:193).

    Samples of one question are alike, so they are worth less than as many questions: between one and all of them. With
    one sample it is Wilson's own. ValueError for an empty sample or what is no share.
    """
    n = len(shares)
    if not all(0 <= share <= 1 for share in shares):
        raise ValueError("a share is from 0 to 1")
    whole = sum(share == 1 for share in shares)
    if whole + sum(share == 0 for share in shares) == n:
        return wilson(whole, n)
    mean = math.fsum(shares) / n
    variance = math.fsum((share - mean) ** 2 for share in shares) / n
    worth = n * mean * (1 - mean) / variance if variance else math.inf
    return _score(mean, min(max(worth, n), n * samples))


def pass_at(k: int, right: int, samples: int) -> float:
    """Share of the draws of k out of the samples of a question that hold a right one, without bias (Chen et al. 2021,
    arXiv 2107.03374). ValueError when there are no such draws."""
    if not 1 <= k <= samples or not 0 <= right <= samples:
        raise ValueError(f"pass@{k} of {right} right among {samples} samples is impossible")
    return 1 - math.comb(samples - right, k) / math.comb(samples, k)


def paired_difference(differences: Sequence[float]) -> tuple[float, float, float]:
    """Mean difference of two shares of the same questions, and its 95 % interval: the adjusted Wald interval (Agresti
    and Min 2005, Statist. Med. 24:729), which adds half a question gained, half a one lost and one that is the same.

    ValueError for an empty sample or an impossible difference.
    """
    n = len(differences)
    if n <= 0:
        raise ValueError("an interval needs at least one observation")
    if not all(-1 <= each <= 1 for each in differences):
        raise ValueError("a difference of shares is from -1 to 1")
    adjusted, total = n + 2, math.fsum(differences)
    centre = total / adjusted
    variance = (math.fsum(each * each for each in differences) + 1) / adjusted - centre**2
    half = Z95 * math.sqrt(variance / adjusted)
    return (total / n, max(-1.0, centre - half), min(1.0, centre + half))


# --- over seeds -------------------------------------------------------------------------------------------------------

_T95 = (12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139)
"""97.5 % quantiles of Student's t with 1 to 10 degrees of freedom."""


def t95(freedom: int) -> float:
    """97.5 % quantile of Student's t (Abramowitz and Stegun 1964, 26.7.5: from 11 degrees on, right to 0.0002)."""
    if freedom <= len(_T95):
        return _T95[freedom - 1]
    z, f = Z95, freedom
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / f + second / f**2 + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384 / f**3


class OverSeeds(NamedTuple):
    """A mean over seeds and questions."""

    mean: float
    sd: float
    """Standard deviation of the seeds' means."""
    low: float
    high: float


def over_seeds(table: Sequence[Sequence[float]]) -> OverSeeds:
    """Mean of figures of each seed (a row) for each question, with a 95 % interval that holds for other seeds and other
    questions: both are drawn, and each question meets each seed (a crossed design; degrees of freedom by Satterthwaite
    1946, Biometrics 2:110). It is never narrower than Student's over the seeds' means.

    ValueError for fewer than two seeds or questions: one seed says nothing of others.
    """
    seeds, questions = len(table), len(table[0]) if table else 0
    if min(seeds, questions) < 2:
        raise ValueError("a spread needs two seeds and two questions")
    rows = [math.fsum(row) / questions for row in table]
    columns = [math.fsum(column) / seeds for column in zip(*table, strict=True)]
    mean = math.fsum(rows) / seeds
    between = math.fsum((row - mean) ** 2 for row in rows)
    # Mean squares of seeds, of questions, and of what neither explains.
    ms_seed = questions * between / (seeds - 1)
    ms_question = seeds * math.fsum((column - mean) ** 2 for column in columns) / (questions - 1)
    rest = (
        (value - row - column + mean) ** 2
        for values, row in zip(table, rows, strict=True)
        for value, column in zip(values, columns, strict=True)
    )
    ms_rest = math.fsum(rest) / ((seeds - 1) * (questions - 1))
    total = max(ms_seed + ms_question - ms_rest, ms_seed, ms_question)
    parts = ms_seed**2 / (seeds - 1) + ms_question**2 / (questions - 1)
    parts += ms_rest**2 / ((seeds - 1) * (questions - 1))
    freedom = max(1, int(total**2 / parts)) if parts else 1
    half = max(
        t95(freedom) * math.sqrt(total / (seeds * questions)),
        t95(seeds - 1) * math.sqrt(between / (seeds - 1) / seeds),
    )
    return OverSeeds(mean, math.sqrt(between / (seeds - 1)), mean - half, mean + half)


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of a mean (Student's t); None for fewer than two values, which say nothing of their spread."""
    n = len(values)
    if n < 2:
        return None
    mean = math.fsum(values) / n
    half = t95(n - 1) * math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1) / n)
    return (mean - half, mean + half)
