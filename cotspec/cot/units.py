"""The units a mask can hide: whole steps, or sentences, numbers, equations and regex matches inside steps.

Owns where a unit begins and ends. Must not know which units are hidden (mask.py) or why. Every pattern of this file
runs in time linear in the text; a person's own runs on RE2 (pattern.py), where that is so for any.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from cotspec.cot.pattern import PatternError, matches
from cotspec.cot.segment import Trace

Span = tuple[int, int]

REGEX: Final = "regex:"


class UnitError(ValueError):
    """A unit that cannot be found: an unknown name, or an expression that RE2 does not read."""


# --- sentences --------------------------------------------------------------------------------------------------------

# The look-behind lets a run of dots be tried once and not from each of its dots.
_SENTENCE_END: Final = re.compile(r"(?<![.!?])[.!?]++(?:[\"'”’)\]*]|\s?\\[\])])*+\s++|\n\s*+")
_ABBREVIATION: Final = re.compile(r"\b(?:(?i:mr|mrs|ms|dr|prof|st|vs|approx|fig|eq|jr|sr|e\.g|i\.e)|[A-Z])\.$")
_ITEM: Final = re.compile(r"\s*(?:\d{1,2}|[-*•])[.)]?\s*")


def sentences(text: str) -> Iterator[Span]:
    """Sentences, without the blanks between them. Decimals, common abbreviations, initials and `1.` do not end one."""
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if "\n" not in match.group() and not _ends_sentence(text, start, match):
            continue
        yield from _stripped(text, start, match.end())
        start = match.end()
    yield from _stripped(text, start, len(text))


def _ends_sentence(text: str, start: int, end: re.Match[str]) -> bool:
    if end.end() < len(text) and text[end.end()].islower():
        return False
    if _ABBREVIATION.search(text[max(start, end.start() - 10) : end.start() + 1]):
        return False
    return end.end() - start > 8 or not _ITEM.fullmatch(text[start : end.end()])


def _stripped(text: str, start: int, end: int) -> Iterator[Span]:
    piece = text[start:end]
    if inner := piece.strip():
        first = start + piece.index(inner[0])
        yield first, first + len(inner)


# --- numbers ----------------------------------------------------------------------------------------------------------

# A minus is a sign only where it cannot be an operator: not after a digit or a closing bracket, also not with a space.
_SIGN: Final = r"(?:(?<![\w)\]}])(?<![\d)\]}]\s)[-+−](?=\.?\d))?"
_DIGITS: Final = r"(?:\d{1,3}(?:(?:,|\{,\})\d{3})++(?!\d)|\d++)(?:\.\d++)?"
_NUMBER: Final = re.compile(rf"{_SIGN}(?<![A-Za-z_\d])(?<!\d\.)(?:{_DIGITS}|(?<!\.)\.\d++)")


def numbers(text: str) -> Iterator[Span]:
    """Numbers with sign, thousands commas (also LaTeX `{,}`) and decimals; without currency, per cent and units."""
    return (match.span() for match in _NUMBER.finditer(text))


# --- equations --------------------------------------------------------------------------------------------------------

_CLOSERS: Final = MappingProxyType({"\\[": "\\]", "\\(": "\\)", "$$": "$$"})
_OPENER: Final = re.compile(r"\\\[|\\\(|\$\$")
_BLANK: Final = r"[ \t]{0,3}"
_OPERATOR: Final = r"(?:[-+−*/×÷·^=]|[xX](?=[ \t]{0,3}[\d($\\])|\\(?:times|div|cdot)(?![A-Za-z]))"
_QUANTITY: Final = (
    rf"[-+−]?(?:\\?[$€£])?(?:{_DIGITS}|\.\d++)\\?%?(?:[A-Za-z](?![A-Za-z]))?"
    rf"(?:(?: [A-Za-z]{{1,20}}(?:/[A-Za-z]{{1,20}})?){{1,2}}(?={_BLANK}[-+−*/×÷=]))?"
)
_OPERAND: Final = (
    rf"\({{0,3}}(?:{_QUANTITY}|\\frac\{{[^{{}}]{{1,80}}\}}\{{[^{{}}]{{1,80}}\}}"
    rf"|(?<![\w'])[A-Za-z](?![\w'])|(?<![\w'])[A-Za-z]{{2,20}}(?={_BLANK}=))\){{0,3}}"
)
_PLAIN: Final = re.compile(rf"(?<![\w.]){_OPERAND}(?:{_BLANK}{_OPERATOR}{_BLANK}{_OPERAND})*+")


def equations(text: str) -> Iterator[Span]:
    r"""Longest spans with an `=`: a LaTeX block (`\[…\]`, `\(…\)`, `$$…$$`) as a whole, or a chain like `5 + 3 = 8`."""
    at = 0
    for start, end in (*_blocks(text), (len(text), len(text))):
        yield from _plain_equations(text, at, start)
        if "=" in text[start:end]:
            yield start, end
        at = end


def _blocks(text: str) -> Iterator[Span]:
    at, unclosed = 0, set[str]()
    for match in _OPENER.finditer(text):
        closer = _CLOSERS[match.group()]
        if match.start() < at or closer in unclosed:
            continue
        end = text.find(closer, match.end())
        if end < 0:
            unclosed.add(closer)  # none further on either, so each closer is searched to the end of the text once
            continue
        at = end + len(closer)
        yield match.start(), at


def _plain_equations(text: str, start: int, end: int) -> Iterator[Span]:
    for match in _PLAIN.finditer(text, start, end):
        first, last = match.span()
        if "=" not in match.group():
            continue
        while text[last - 1] == ")" and text.count("(", first, last) < text.count(")", first, last):
            last -= 1
        while text[first] == "(" and text.count(")", first, last) < text.count("(", first, last):
            first += 1
        yield first, last


# --- the table --------------------------------------------------------------------------------------------------------

INSIDE: Final[Mapping[str, Callable[[str], Iterable[Span]]]] = MappingProxyType(
    {
        "step": lambda text: _stripped(text, 0, len(text)),
        "sentence": sentences,
        "number": numbers,
        "equation": equations,
    }
)


def find(unit: str, text: str) -> tuple[Span, ...]:
    """Spans of `unit` (payload.Mask.unit) in the text of one step: in order, not overlapping, not empty.

    Raises UnitError for an unknown unit or an expression that cannot be used.
    """
    if unit.startswith(REGEX):
        pattern = unit.removeprefix(REGEX)
        try:
            return matches(pattern, text)
        except PatternError as error:
            raise UnitError(f"the mask's regular expression {pattern!r} is not valid: {error}; {error.help}") from error
    if unit not in INSIDE:
        raise UnitError(f"unknown mask unit {unit!r}; there are {', '.join(INSIDE)} and {REGEX}<pattern>")
    return tuple(INSIDE[unit](text))


def units(trace: Trace, unit: str) -> tuple[Span, ...]:
    """Spans of `unit` in `trace.text`, over all its steps, in order. A step without text has none."""
    return tuple(
        (step.body_start + start, step.body_start + end)
        for step in trace.steps
        for start, end in find(unit, trace.text[step.body_start : step.body_end])
    )
