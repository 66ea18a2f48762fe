"""Intervals of floats: what an operation can give when each operand is only known to lie between two ends.

Sound for the arithmetic of `operations`: rounding is monotone for + - * / and the square root, so the rounded ends hold
every rounded value between; the functions of libm promise less, and their ends are moved outwards. A condition is an
interval of 0 and 1. Knows neither text nor names.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, product
from typing import Final, NamedTuple

_LARGEST: Final = sys.float_info.max
_TINY: Final = math.nextafter(0.0, 1.0)


class Interval(NamedTuple):
    """All values from `low` to `high`, both included and at most the largest float."""

    low: float
    high: float
    whole: bool = False
    """Only whole numbers among them."""

    @property
    def fixed(self) -> bool:
        """Whether there is one value only."""
        return self.low == self.high

    def holds(self, value: float) -> bool:
        """Whether a value is one of them, whole or not."""
        return self.low <= value <= self.high

    def above(self) -> Interval | None:
        """The part above 0."""
        return meet(self, Interval(1.0 if self.whole else _TINY, math.inf))

    def below(self) -> Interval | None:
        """The part below 0."""
        return meet(self, Interval(-math.inf, -1.0 if self.whole else -_TINY))


EVERY: Final = Interval(-_LARGEST, _LARGEST)
TRUE: Final = Interval(1.0, 1.0, True)
FALSE: Final = Interval(0.0, 0.0, True)
EITHER: Final = Interval(0.0, 1.0, True)


def point(value: float) -> Interval:
    """One value."""
    return Interval(value, value, value.is_integer())


def truth(*, true: bool, false: bool) -> Interval | None:
    """A condition that can be true, false, or both."""
    if true and false:
        return EITHER
    return TRUE if true else FALSE if false else None


def meet(a: Interval, b: Interval) -> Interval | None:
    """What is in both; whole ends where only whole numbers are left."""
    low, high, whole = max(a.low, b.low), min(a.high, b.high), a.whole or b.whole
    if whole and low <= high:
        low, high = _up(low), _down(high)
    return Interval(low, high, whole) if low <= high else None


def hull(parts: Iterable[Interval | None]) -> Interval | None:
    """The smallest interval around all of them."""
    found = [part for part in parts if part is not None]
    if not found:
        return None
    low, high = min(part.low for part in found), max(part.high for part in found)
    return Interval(low, high, all(part.whole for part in found))


def succ(value: float) -> float:
    """The next float above."""
    return math.nextafter(value, math.inf)


def pred(value: float) -> float:
    """The next float below."""
    return math.nextafter(value, -math.inf)


def _up(value: float) -> float:
    return float(math.ceil(value)) if math.isfinite(value) else value


def _down(value: float) -> float:
    return float(math.floor(value)) if math.isfinite(value) else value


def _within(low: float, high: float, whole: bool = False) -> Interval | None:
    """Ends within what a float can hold; what lies beyond raises at run time and is no value."""
    if low > _LARGEST or high < -_LARGEST:
        return None
    return Interval(max(low, -_LARGEST), min(high, _LARGEST), whole)


# --- arithmetic -------------------------------------------------------------------------------------------------------


def negated(a: Interval) -> Interval:
    """-a."""
    return Interval(-a.high, -a.low, a.whole)


def plus(a: Interval, b: Interval) -> Interval | None:
    """a + b."""
    return _within(a.low + b.low, a.high + b.high, a.whole and b.whole)


def minus(a: Interval, b: Interval) -> Interval | None:
    """a - b."""
    return _within(a.low - b.high, a.high - b.low, a.whole and b.whole)


def times(a: Interval, b: Interval) -> Interval | None:
    """a * b."""
    ends = [x * y if x and y else 0.0 for x, y in product((a.low, a.high), (b.low, b.high))]
    return _within(min(ends), max(ends), a.whole and b.whole)


def over(a: Interval, b: Interval) -> Interval | None:
    """a / b, where b is not 0."""
    return hull(_quotient(a, part) for part in (b.below(), b.above()) if part is not None)


def _quotient(a: Interval, b: Interval) -> Interval | None:
    ends = [_ratio(x, y) for x, y in product((a.low, a.high), (b.low, b.high))]
    return _within(min(ends), max(ends))


def _ratio(x: float, y: float) -> float:
    return 0.0 if math.isinf(y) else x / y


def floor_over(a: Interval, b: Interval) -> Interval | None:
    """a // b, where b is not 0; the exact quotient may round up to a whole number, and is then one less."""
    whole = over(a, b)
    return None if whole is None else _within(_down(whole.low) - 1.0, _down(succ(whole.high)), True)


def remainder(a: Interval, b: Interval) -> Interval | None:
    """a % b, which has the sign of b, where b is not 0."""
    if b.low > 0.0 and a.low >= 0.0 and a.high < b.low:
        return a
    whole = a.whole and b.whole
    return Interval(min(0.0, b.low), max(0.0, b.high), whole)


def power(a: Interval, b: Interval) -> Interval | None:
    """a ** b where it has a value."""
    if a.low >= 0.0:
        ends = [_power(x, y) for x, y in product((a.low, a.high), (b.low, b.high))]
        if a.low == 0.0 and b.low < 0.0:
            ends.append(math.inf)
        if a.low == 0.0 and b.holds(0.0):
            ends.append(1.0)
        return _outwards(min(ends), max(ends), a.whole and b.whole and b.low >= 0.0)
    if b.fixed and b.low.is_integer() and b.low >= 0.0:
        ends = [_power(a.low, b.low), _power(a.high, b.low)]
        if a.high > 0.0 and b.low % 2.0 == 0.0 and b.low:
            ends.append(0.0)
        return _outwards(min(ends), max(ends), a.whole)
    return EVERY


def _power(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0.0 and y % 2.0 == 1.0 else math.inf
    except ValueError:
        return math.inf  # 0 to a negative power


def _outwards(low: float, high: float, whole: bool = False) -> Interval | None:
    """Room for what libm may be off by."""
    if not whole:
        low, high = low - 1e-14 * abs(low) if math.isfinite(low) else low, high + 1e-14 * abs(high)
    return _within(low, high, whole)


# --- functions --------------------------------------------------------------------------------------------------------


def least(parts: Iterable[Interval]) -> Interval:
    """min(…)."""
    found = list(parts)
    return Interval(min(p.low for p in found), min(p.high for p in found), all(p.whole for p in found))


def greatest(parts: Iterable[Interval]) -> Interval:
    """max(…)."""
    found = list(parts)
    return Interval(max(p.low for p in found), max(p.high for p in found), all(p.whole for p in found))


def magnitude(a: Interval) -> Interval:
    """abs(a)."""
    low = 0.0 if a.holds(0.0) else min(abs(a.low), abs(a.high))
    return Interval(low, max(abs(a.low), abs(a.high)), a.whole)


def clipped(a: Interval, low: Interval, high: Interval) -> Interval:
    """clip(a, low, high) where low is not above high."""
    bottom, top = (min(max(x, y), z) for x, y, z in ((a.low, low.low, high.low), (a.high, low.high, high.high)))
    return Interval(min(bottom, top), max(bottom, top), a.whole and low.whole and high.whole)


def exponential(a: Interval) -> Interval | None:
    """exp(a)."""
    return _outwards(_monotone(math.exp, a.low), _monotone(math.exp, a.high))


def logarithm(a: Interval) -> Interval | None:
    """log(a), where a is above 0."""
    part = a.above()
    return None if part is None else _outwards(math.log(part.low), math.log(part.high))


def root(a: Interval) -> Interval | None:
    """sqrt(a), where a is not below 0."""
    part = meet(a, Interval(0.0, _LARGEST))
    return None if part is None else Interval(math.sqrt(part.low), math.sqrt(part.high))


def _monotone(call: Callable[[float], float], value: float) -> float:
    try:
        return call(value)
    except OverflowError:
        return math.inf


def piecewise(a: Interval, points: Sequence[tuple[float, float]], at: Callable[[float], float]) -> Interval | None:
    """A curve through `points`; `at` computes it. Just before a point, a slope may carry past it by a rounding."""
    values = [at(a.low), at(a.high), *(y for x, y in points if a.holds(x))]
    sloped = any(y0 != y1 and a.low < x1 and a.high > x0 for (x0, y0), (x1, y1) in pairwise(points))
    slack = 1e-12 * max(abs(y) for _, y in points) if sloped and not a.fixed else 0.0
    return _within(min(values) - slack, max(values) + slack)
