"""math-verify's opinion on two answers, with its own extraction and its strictness, and a tolerance that is relative.

math-verify rounds to six decimals and drops what is below 1e-15, whatever the size of the numbers; both are parameters,
and are set here by the smallest number there is, so that they are six and fifteen *significant* digits.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterator
from typing import Any, Literal

from cotspec.cot.latex import typed

Opinion = Literal["same", "different", "unread"]
"""`unread`: at least one side is no formula, or takes too long."""

_LONGEST = 2_000
_EXPLOSIVE = re.compile(
    r"\^[^+\-]{0,12}\^|\^\s?[({]?\s?-?[0-9]{4}|[0-9]{4}\s?!|[)}!]\s?!|[0-9]{60}|[*]{2}|\\binom\s?\{?[0-9]{4}"
    r"|\\(?:sum|prod)[^0-9]{0,12}[0-9]*[^0-9]{0,8}[0-9]{5}"
)
_SECONDS = 30
"""Far above what the guarded formulas need, so that a busy machine does not change a grade."""
_DIGITS = 6
_PRECISION = 15
_ENVIRONMENT = re.compile(r"\\\(|\\\[|\\(?:boxed|fbox)|(?<!\\)\$[^$]+\$")
_AS_LATEX = str.maketrans(
    {"×": "\\times ", "÷": "\\div ", "π": "\\pi ", "√": "\\sqrt ", "∞": "\\infty ", "≤": "\\le ", "≥": "\\ge ",
     "≠": "\\ne ", "±": "\\pm ", "∪": "\\cup ", "∩": "\\cap ", "∈": "\\in ", "∅": "\\emptyset "}
)  # fmt: skip


class MissingError(ImportError):
    """math-verify is not installed."""


def opinion(given: str, gold: str) -> Opinion:
    """What math-verify says of two answers. Its time limit is a signal, which only the main thread may set; elsewhere
    only the guard on size and towers of powers stands between a text and an endless computation.

    Raises MissingError without math-verify.
    """
    if _endless(given) or _endless(gold):
        return "unread"
    gold_formulas, given_formulas = _parsed(gold), _parsed(given)
    from math_verify import verify
    from math_verify.errors import TimeoutException

    rounding, precision = _digits([*gold_formulas, *given_formulas])
    try:
        if verify(
            gold_formulas,
            given_formulas,
            float_rounding=rounding,
            numeric_precision=precision,
            timeout_seconds=_limit(),
            raise_on_error=True,
        ):
            return "same"
    except TimeoutException:
        return "unread"
    except Exception:  # noqa: BLE001 - what two formulas of different kinds raise when sympy compares them
        return "different"
    return "different" if _formulas(gold_formulas) and _formulas(given_formulas) else "unread"


def readable(text: str) -> bool:
    """Whether math-verify reads a formula in a text. Raises MissingError without math-verify."""
    return not _endless(text) and _formulas(_parsed(text))


def formula(text: str) -> str:
    """A text as math-verify expects it: what is not in `$` or a box is one formula."""
    text = typed(text).translate(_AS_LATEX).strip(" .\n")
    return text if _ENVIRONMENT.search(text) else f"${text}$"


def _endless(text: str) -> bool:
    return len(text) > _LONGEST or _EXPLOSIVE.search(text) is not None


def _limit() -> int | None:
    return _SECONDS if threading.current_thread() is threading.main_thread() else None


def _parsed(text: str) -> list[object]:
    try:
        from math_verify import LatexExtractionConfig, parse
    except ImportError as error:
        raise MissingError("grading a formula needs math-verify; install cotspec[train]") from error
    # Formulas only: its extraction of expressions takes any number it finds in prose.
    config = [LatexExtractionConfig(boxed_match_priority=0)]
    readings: list[object] = parse(formula(text), extraction_config=config, parsing_timeout=_limit())
    return readings


def _formulas(parsed: list[object]) -> bool:
    return any(not isinstance(reading, str) for reading in parsed)


def _digits(parsed: list[object]) -> tuple[int, int]:
    """Decimals to round to and to compute with, for six and fifteen significant digits of the smallest number; at least
    six and fifteen decimals, but for a decimal beside an irrational value."""
    sizes = [abs(value) for reading in parsed if not isinstance(reading, str) for value in _values(reading)]
    smallest = min((size for size in sizes if size and math.isfinite(size)), default=1.0)
    below = -math.floor(math.log10(smallest))
    decimals = _DIGITS - 1 + below
    # A decimal can only round what has no end; two values that are exact differ by whatever they differ.
    irrational = any(getattr(reading, "is_rational", None) is False for reading in parsed)
    return decimals if irrational else max(_DIGITS, decimals), _PRECISION + max(0, below)


def _values(value: object) -> Iterator[float]:
    """The numbers a formula, or each member of a list or equation, comes to."""
    members: tuple[Any, ...] = (value,) if getattr(value, "is_number", False) else getattr(value, "args", ())
    for member in members:
        if getattr(member, "is_number", False):
            try:
                yield float(abs(member.evalf(_DIGITS)))
            except (TypeError, ValueError, OverflowError):
                continue
