"""The units a mask can hide: whole steps, or sentences, numbers, equations and regex matches inside steps.

Owns where a unit begins and ends. Must not know which units are hidden (mask.py) or why. Every pattern of this file
runs in time linear in the text. A person's own pattern may not, and the standard library's `re` cannot be interrupted;
so those, and only those, run on the `regex` package, which takes a time limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from cotspec.cot.segment import Trace

Span = tuple[int, int]

REGEX: Final = "regex:"
#: CPU seconds all matches of one pattern in one step may take; the longest real step takes a millisecond.
TIME_LIMIT: Final = 2.0


class UnitError(ValueError):
    """A unit that cannot be found: an unknown name, a pattern that does not compile, or one that ran out of time."""


class _Match(Protocol):
    def span(self) -> Span: ...


class _Pattern(Protocol):
    def finditer(self, text: str, *, timeout: float) -> Iterator[_Match]: ...

    def fullmatch(self, text: str) -> _Match | None: ...


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


def compile_regex(pattern: str) -> _Pattern:
    """A person's pattern in the syntax of the `regex` package (a superset of `re`). Raises UnitError with why not."""
    import regex  # here, so that nobody else pays for loading it

    try:
        compiled: _Pattern = regex.compile(pattern)
    except regex.error as error:
        raise UnitError(f"the mask's regular expression {pattern!r} is not valid: {error}") from error
    return compiled


def matches(pattern: str, text: str, *, limit: float = TIME_LIMIT) -> tuple[Span, ...]:
    """The non-empty matches of a person's pattern. Raises UnitError when that takes more than `limit` CPU seconds."""
    try:
        spans = tuple(match.span() for match in compile_regex(pattern).finditer(text, timeout=limit))
    except TimeoutError as error:
        raise UnitError(
            f"the mask's regular expression {pattern!r} took more than {limit:g} s on a step of {len(text)} "
            "characters; it backtracks too much (a repeat inside a repeat, such as `(a+)+`): rewrite it"
        ) from error
    return tuple(span for span in spans if span[0] < span[1])


def find(unit: str, text: str) -> tuple[Span, ...]:
    """Spans of `unit` (payload.Mask.unit) in the text of one step: in order, not overlapping, not empty.

    Raises UnitError for an unknown unit, a wrong pattern, or one that takes too long.
    """
    if unit.startswith(REGEX):
        return matches(unit.removeprefix(REGEX), text)
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
