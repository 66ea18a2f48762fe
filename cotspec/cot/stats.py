"""Interval estimates for shares. Knows nothing of what was counted."""

from __future__ import annotations

import math

Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % score interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22:209). ValueError for an empty sample."""
    if n <= 0:
        raise ValueError("an interval needs at least one observation")
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} are impossible")
    share, z2 = successes / n, Z95 * Z95
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # At the ends the formula is exactly 0 or 1; rounding must not move it.
    return (0.0 if successes == 0 else centre - half, 1.0 if successes == n else centre + half)


def paired_difference(n: int, gained: int, lost: int) -> tuple[float, float, float]:
    """Difference of two shares of the same n cases, and its 95 % interval (adjusted Wald; Agresti and Min 2005,
    Statist. Med. 24:729): `gained` are cases only the second has, `lost` those only the first has.

    ValueError for an empty sample or impossible counts.
    """
    if n <= 0:
        raise ValueError("an interval needs at least one observation")
    if min(gained, lost) < 0 or gained + lost > n:
        raise ValueError(f"{gained} gained and {lost} lost of {n} are impossible")
    more, b, c = n + 2, gained + 0.5, lost + 0.5
    centre = (b - c) / more
    half = Z95 * math.sqrt(b + c - (b - c) ** 2 / more) / more
    return ((gained - lost) / n, max(-1.0, centre - half), min(1.0, centre + half))
