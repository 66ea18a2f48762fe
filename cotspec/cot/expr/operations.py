"""The running half of an expression: closures over checked parts. Everything is computed in floats, and what is not a
finite number raises UnscorableError; knows nothing of text but the snippet it puts in the message.

A closure tree rather than generated code, because nothing a person wrote is ever handed to `eval` or `compile`.
"""

from __future__ import annotations

import math
import operator
import sys
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from cotspec.cot.expr.errors import UnscorableError

#: Values of measures, and of the `let` names already computed. A condition is a bool, everything else a float.
Env = dict[str, float]
Run = Callable[[Env], float]

_LARGEST = sys.float_info.max


def constant(value: float) -> Run:
    """Always `value`."""
    return lambda _: value


def measure(name: str) -> Run:
    """The value given for a measure."""

    def run(env: Env) -> float:
        try:
            return env[name]
        except KeyError:
            raise UnscorableError(f"`{name}` has no usable value") from None

    return run


def binding(name: str, body: Run) -> Run:
    """A `let` name: computed at its first use and kept, so that one nobody reaches cannot fail."""

    def run(env: Env) -> float:
        value = env.get(name)
        if value is None:
            value = env[name] = body(env)
        return value

    return run


def negated(part: Run) -> Run:
    """-part."""
    return lambda env: -part(env)


def inverted(part: Run) -> Run:
    """not part."""
    return lambda env: not part(env)


def unary(call: Callable[[float], float], part: Run, text: str) -> Run:
    """call(part)."""

    def run(env: Env) -> float:
        value = part(env)
        try:
            return call(value)
        except (ValueError, OverflowError) as error:
            raise UnscorableError(_why(text, error)) from None

    return run


def binary(call: Callable[[float, float], float], left: Run, right: Run, text: str) -> Run:
    """call(left, right), finite or not scorable."""

    def run(env: Env) -> float:
        first, second = left(env), right(env)
        try:
            value = call(first, second)
        except (ZeroDivisionError, ValueError, OverflowError) as error:
            raise UnscorableError(_why(text, error)) from None
        if -_LARGEST <= value <= _LARGEST:
            return value
        raise UnscorableError(_why(text, OverflowError()))

    return run


def several(call: Callable[..., float], parts: Sequence[Run], text: str) -> Run:
    """call(*parts)."""
    runs = tuple(parts)

    def run(env: Env) -> float:
        values = [part(env) for part in runs]
        try:
            return call(*values)
        except ValueError as error:
            raise UnscorableError(_why(text, error)) from None

    return run


def compared(calls: Sequence[Callable[[float, float], bool]], parts: Sequence[Run]) -> Run:
    """A chain of comparisons; each part is computed once, and none after the first that is false (as in Python)."""
    if len(calls) == 1:
        call, left, right = calls[0], parts[0], parts[1]
        return lambda env: call(left(env), right(env))
    first, rest = parts[0], tuple(zip(calls, parts[1:], strict=True))

    def run(env: Env) -> float:
        before = first(env)
        for call, part in rest:
            after = part(env)
            if not call(before, after):
                return False
            before = after
        return True

    return run


def every(parts: Sequence[Run]) -> Run:
    """`and`; stops at the first false part."""
    runs = tuple(parts)

    def run(env: Env) -> float:
        for part in runs:  # noqa: SIM110 - a generator costs more than the comparison it would carry
            if not part(env):
                return False
        return True

    return run


def some(parts: Sequence[Run]) -> Run:
    """`or`; stops at the first true part."""
    runs = tuple(parts)

    def run(env: Env) -> float:
        for part in runs:  # noqa: SIM110 - as above
            if part(env):
                return True
        return False

    return run


def choice(condition: Run, then: Run, otherwise: Run) -> Run:
    """`then if condition else otherwise`; only the chosen branch is computed."""
    return lambda env: then(env) if condition(env) else otherwise(env)


def curve(part: Run, points: Sequence[tuple[float, float]]) -> Run:
    """Piecewise linear through `points` (x strictly increasing), flat outside; exactly y at each x."""
    xs, ys = tuple(x for x, _ in points), tuple(y for _, y in points)
    slopes = tuple((ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i]) for i in range(len(xs) - 1))
    first, last, end = ys[0], ys[-1], len(xs)

    def run(env: Env) -> float:
        x = part(env)
        after = bisect_right(xs, x)
        if after == 0:
            return first
        if after == end:
            return last
        return ys[after - 1] + slopes[after - 1] * (x - xs[after - 1])

    return run


def _why(text: str, error: Exception) -> str:
    match error:
        case ZeroDivisionError():
            return f"`{text}` divides by zero"
        case OverflowError():
            return f"`{text}` is too large a number"
        case _:
            return f"`{text}` {error}"


def _power(base: float, exponent: float) -> float:
    if base == 0.0 and exponent < 0.0:
        raise ZeroDivisionError
    if base < 0.0 and not exponent.is_integer():
        raise ValueError("has no real value: a negative number to a power that is not whole")
    return math.pow(base, exponent)


def _log(value: float) -> float:
    if value <= 0.0:
        raise ValueError(f"takes the logarithm of {value:g}")
    return math.log(value)


def _sqrt(value: float) -> float:
    if value < 0.0:
        raise ValueError(f"takes the square root of {value:g}")
    return math.sqrt(value)


def _clip(value: float, low: float, high: float) -> float:
    if low > high:
        raise ValueError(f"has its lower limit {low:g} above its upper limit {high:g}")
    return low if value < low else high if value > high else value


#: Function → how it is computed.
FUNCTIONS: Mapping[str, Callable[..., float]] = MappingProxyType(
    {"min": min, "max": max, "abs": abs, "clip": _clip, "exp": math.exp, "log": _log, "sqrt": _sqrt}
)
#: Python's name of an operator → (sign, how it is computed).
ARITHMETIC: Mapping[str, tuple[str, Callable[[float, float], float]]] = MappingProxyType(
    {
        "Add": ("+", operator.add),
        "Sub": ("-", operator.sub),
        "Mult": ("*", operator.mul),
        "Div": ("/", operator.truediv),
        "FloorDiv": ("//", operator.floordiv),
        "Mod": ("%", operator.mod),
        "Pow": ("**", _power),
    }
)
COMPARISONS: Mapping[str, tuple[str, Callable[[float, float], bool]]] = MappingProxyType(
    {
        "Lt": ("<", operator.lt),
        "LtE": ("<=", operator.le),
        "Gt": (">", operator.gt),
        "GtE": (">=", operator.ge),
        "Eq": ("==", operator.eq),
        "NotEq": ("!=", operator.ne),
    }
)
