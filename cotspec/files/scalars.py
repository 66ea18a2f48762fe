"""Plain YAML scalars → values, by the YAML 1.2 core schema (yaml.org/spec/1.2.2, §10.3.2). Knows nothing of positions.

PyYAML's own resolver is YAML 1.1: it reads `1e-5` as text, `no` as false, `010` as 8 and `12:30:00` as 45000.
"""

from __future__ import annotations

import re
from math import isfinite

Value = str | int | float | bool | None

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NUMERIC = frozenset("+-.0123456789")
"""What a number begins with, finite or not."""
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LONGEST = 300
"""Digits of a number: longer ones are no floats either (the largest is 1.8e308)."""


class NotFiniteError(ValueError):
    """A number without a finite value."""


def resolve(text: str) -> Value:
    """The value of a plain scalar. Raises NotFiniteError for infinities, nan, and what no float can hold."""
    if text in _NULL:
        return None
    if text[0] not in _NUMERIC:
        return _BOOL.get(text, text)
    if _NOT_FINITE.fullmatch(text):
        raise NotFiniteError(text)
    return _number(text)


def _number(text: str) -> Value:
    base = 10 if _INT.fullmatch(text) else 8 if _OCTAL.fullmatch(text) else 16 if _HEX.fullmatch(text) else None
    if base is None and not _FLOAT.fullmatch(text):
        return text
    if len(text) > _LONGEST:
        raise NotFiniteError(text)
    if base is not None:
        return int(text, base)
    value = float(text)
    if not isfinite(value):
        raise NotFiniteError(text)
    return value
