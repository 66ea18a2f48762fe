"""Numbers as a person reads them. Knows amounts; nothing of tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cotspec.passes.cost.amounts import Amount, Sum

_SIZES: Final = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_COUNTS: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"))
Unit = Callable[[float], str]


def count(value: float) -> str:
    """`2,400`, `431`, `83.5`."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def size(value: float) -> str:
    """`5.7 GiB`, `12 MiB`."""
    for unit, name in _SIZES:
        if value >= unit:
            return f"{_digits(value / unit)} {name}"
    return f"{value:.0f} B"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.4 h`."""
    if seconds < 99.5:
        return f"{_digits(seconds)} s"
    return f"{_digits(seconds / 60)} min" if seconds < 5970 else f"{hours(seconds / 3600)}"


def hours(value: float) -> str:
    """`93 h`, `0.45 h`."""
    return f"{_digits(value)} h"


def tokens(value: float) -> str:
    """`15.3M`, `4,373`."""
    for unit, name in _COUNTS:
        if value >= unit:
            return f"{_digits(value / unit)}{name}"
    return f"{value:,.0f}"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 9.95 else f"{value:.2g}"


def amount(given: Amount, unit: Unit) -> str:
    """`3.4 h`, `at most 3.4 h`, `unknown`."""
    return "unknown" if given.value is None else f"{_limit(given.limit)}{unit(given.value)}"


def summed(given: Sum, unit: Unit) -> str:
    """`at least 3.4 h (3 of 12 tasks unknown)`; `unknown` when nothing is known."""
    if given.parts and given.unknown == given.parts:
        return "unknown"
    note = f" ({given.note})" if given.note else ""
    return f"{_limit(given.limit)}{unit(given.value)}{note}"


def _limit(given: str) -> str:
    return "" if given == "about" else f"{given} "
