"""Figures as a page says them: a share never without what it is of, and what is not known as nothing at all."""

from __future__ import annotations

import math
import re
from typing import Final

from cotspec.cot.stats import wilson

DASH: Final = "–"
UNKNOWN: Final = ""
_EXPONENT: Final = re.compile(r"e([+-])0*")


def percent(share: float | None) -> str:
    """`62.4 %`."""
    return UNKNOWN if share is None else f"{100 * share:.1f} %"


def span(low: float | None, high: float | None) -> str:
    """`58.1 – 66.5 %`."""
    return UNKNOWN if low is None or high is None else f"{100 * low:.1f} {DASH} {100 * high:.1f} %"


def points(change: float | None) -> str:
    """`+3.2 points`."""
    return UNKNOWN if change is None else f"{100 * change:+.1f} points"


def signed_span(low: float | None, high: float | None) -> str:
    """`-1.0 to +5.4`."""
    return UNKNOWN if low is None or high is None else f"{100 * low:+.1f} to {100 * high:+.1f}"


def number(value: float | None) -> str:
    """As many digits as a reader can use: `1,234`, `76.7`, `0.0213`, `2e-5`."""
    if value is None:
        return UNKNOWN
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return power(f"{value:.3g}") if abs(value) < 10 else f"{value:.1f}"


def power(digits: str) -> str:
    """`2e-05` as a reader writes it: `2e-5`."""
    return _EXPONENT.sub(r"e\1", digits)


def counted(size: int, noun: str) -> str:
    """`1 step`, `1,200 steps`."""
    return f"{size:,} {noun}{'' if size == 1 else 's'}"


def share(part: int, whole: int) -> str:
    """`380 of 400: 95.0 % (92.4 – 96.7 %)`, with Wilson's 95 % interval; of nothing there is no share."""
    if whole <= 0 or not 0 <= part <= whole:
        return f"{part:,} of {whole:,}"
    return f"{part:,} of {whole:,}: {percent(part / whole)} ({span(*wilson(part, whole))})"
