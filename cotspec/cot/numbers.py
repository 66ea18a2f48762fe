"""Reads the number an answer gives, the way a person would, exactly (no floating point).

Which number counts, in this order: the last `\\boxed{}`; what follows the last `=`; what stands outside parentheses;
the only number; in prose, the last of several. A list of numbers (`1, 2`), alternatives (`5 or 10`), a sum left to do
or a range in prose (`5-10 books`), a time (`3:30`), a date, or a number glued to a word (`abc1`) is no number.
`2,125` has a thousands separator, `1,2` has none.

`50%` may mean 50 or 0.5, and `3 million` 3 or 3,000,000: beside a bare number either counts, because the question, not
the answer, says which was asked for; two marked numbers are compared with their marks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from cotspec.cot.latex import boxed, plain

_PLAIN = re.compile(r"\s*+([-+−]?)\$?+((?:[1-9][0-9]{0,2}(?:,[0-9]{3})++(?![0-9,])|[0-9]++))(?:\.([0-9]*+))?\s*+")
_TOKEN = re.compile(
    r"(?P<mixed>[0-9]++ ++[0-9]++/[0-9]++(?![0-9]|[.,:/][0-9]))"
    r"|(?P<chunk>(?:[0-9]|\.(?=[0-9]))(?:[0-9]|[.,:/](?=[0-9]))*+)(?P<exp>[eE][-+]?[0-9]{1,3}(?![0-9A-Za-z]|[.,][0-9]))?"
)
_WHOLE = re.compile(r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})++|[0-9]++)?(?:\.[0-9]++)?")
_SCALE = re.compile(
    r"\s?(?:(?P<percent>%|percent\b|per\scent\b)|(?P<word>thousand|million|billion|trillion)s?\b)", re.I
)
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_POWER_OF_TEN = re.compile(r"(?<=[0-9]) ?[×x*] ?10 ?\^ ?[({]?([-+]?[0-9]{1,3})[)}]?(?![0-9])")
_UNIT_POWER = re.compile(r"(?<=[A-Za-z]{2})\s?\^\s?[({]?-?[1-9][)}]?(?![0-9])|(?<=\bm)\s?\^\s?\{?[23]\}?(?![0-9])")
_UNIT_DIGIT = re.compile(r"(?<![A-Za-z])(?:mm|cm|dm|km|m|in|ft|yd|mi)\Z")
_SLASH = re.compile(r"(?<=[0-9]) ?/ ?(?=[0-9])")
_ASIDE = re.compile(r"\([^()]*+\)")
_DATE = re.compile(r"(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")
_LEADING_SIGN = re.compile(r"^([-+])\s++(?=[0-9.])")
_PER_UNIT = re.compile(r"/ ?[hsmdgLl](?![A-Za-z])")
_OPERATOR = re.compile(r"[-+*×÷/^]")
_UNWORKED = re.compile(r"[0-9] ?[-+*×÷] ?[0-9.]")
_LONGEST = 400
"""Longer digit strings are compared as text: Python refuses to convert them, and no person writes them."""
_LONGEST_ANSWER = 10_000
"""A longer text is not read for a number."""

Unread = Literal["text", "list", "maths"]


@dataclass(frozen=True, slots=True)
class Number:
    """An exact value as written; `scale` is 1/100 for a percentage, 10**6 for millions, else 1."""

    value: Fraction
    scale: Fraction = Fraction(1)


def same(one: Number, other: Number) -> bool:
    """Whether two numbers are equal; a mark (%, million) on one side only may be read or not."""
    if one.scale != 1 and other.scale != 1:
        return one.value * one.scale == other.value * other.scale
    return one.value == other.value or one.value * one.scale == other.value * other.scale


def canonical(text: str) -> str | None:
    """`2,125` → `2125`, `42.00` → `42`, `-$0` → `0`; None unless the whole text is one plain number. Any length."""
    match = _PLAIN.fullmatch(text)
    if match is None:
        return None
    sign, whole, part = match.groups()
    whole = whole.replace(",", "").lstrip("0") or "0"
    part = part.rstrip("0") if part else ""
    minus = "-" if sign in ("-", "−") and sign and (whole != "0" or part) else ""
    return f"{minus}{whole}.{part}" if part else minus + whole


def read(text: str, *, sole: bool = False) -> Number | Unread:
    """The number a text gives, or why there is none: `list` of numbers, `maths` to be worked out, any other `text`.

    `sole` refuses to choose among several numbers in prose (for gold answers).
    """
    if len(text) > _LONGEST_ANSWER:
        return "text"
    for _ in range(4):
        box = boxed(text)
        if box is None:
            break
        if box[1]:
            return "text"
        text = box[0]
    text = _outside(_after_equals(plain(text)))
    text = _UNIT_POWER.sub("", _POWER_OF_TEN.sub(r"e\1", text)) if "^" in text else text
    text = _LEADING_SIGN.sub(r"\1", _SLASH.sub("/", text) if "/" in text else text)
    if "\\" in text or "^" in text or "√" in text or "π" in text:
        return "maths"
    return _choose(text, list(_TOKEN.finditer(text)), sole)


def _after_equals(text: str) -> str:
    _, equals, after = text.rpartition("=")
    return after.strip() if equals and any(c in "0123456789" for c in after) else text


def _outside(text: str) -> str:
    if "(" not in text:
        return text
    without = _ASIDE.sub(" ", text)
    glued = re.search(r"[0-9A-Za-z^]\(|\)[0-9A-Za-z^]|[-+*×÷/]\s?\(|\)\s?[-+*×÷/]", text)
    return without.strip() if not glued and any(c in "0123456789" for c in without) else text


def _choose(text: str, tokens: list[re.Match[str]], sole: bool) -> Number | Unread:
    if not tokens:
        return "text"
    words = re.findall(r"[A-Za-z]+", _TOKEN.sub(" ", text))
    if _DATE.search(text):
        return "text"
    if _is_algebra(text, tokens, words):
        return "maths"
    if len(tokens) > 1:
        tokens = [token for token in tokens if not _in_unit(text, token)]
    if len(tokens) > 1:
        if not any(len(word) > 1 for word in words):
            return "list"
        if sole or "or" in words or _UNWORKED.search(text):
            return "text"
    return _number(text, tokens[-1]) or "text" if tokens else "text"


def _is_algebra(text: str, tokens: list[re.Match[str]], words: list[str]) -> bool:
    """Single letters beside an operator or glued to a number, or numbers with operators between and no words."""
    if any(len(word) > 1 for word in words):
        return False
    glued = any(re.match(r"[a-zA-Z](?![a-zA-Z])", text[t.end() : t.end() + 2]) for t in tokens)
    between = _OPERATOR.search(text, tokens[0].end(), max(tokens[-1].start(), tokens[0].end()))
    bare = _PER_UNIT.sub("", _TOKEN.sub("0", text).lstrip(" -+"))
    lone = bool(words) and _OPERATOR.search(bare)
    variable = glued and any(word in "abknqruvwxyz" for word in words)
    return bool(variable or between or lone)


def _in_unit(text: str, token: re.Match[str]) -> bool:
    """The 2 of `cm2`."""
    if token.group() not in ("2", "3") or text[token.end() : token.end() + 1].isalnum():
        return False
    return bool(_UNIT_DIGIT.search(text[max(0, token.start() - 3) : token.start()]))


def _number(text: str, token: re.Match[str]) -> Number | None:
    start = token.start()
    before = text[max(0, start - 2) : start]
    if before[-1:].isalpha() or before[-1:] == "_" or (before[-1:] in (",", ":") and before[:1].isdigit()):
        return None
    value = _value(token)
    if value is None:
        return None
    negative = before[-1:] == "-" and not (len(before) == 2 and (before[0].isalnum() or before[0] in ")-"))
    scale = _SCALE.match(text, token.end())
    return Number(-value if negative else value, _scale(scale))


def _scale(match: re.Match[str] | None) -> Fraction:
    if match is None:
        return Fraction(1)
    return Fraction(1, 100) if match["percent"] else Fraction(_SCALES[match["word"].lower()])


def _value(token: re.Match[str]) -> Fraction | None:
    if token.end() - token.start() > _LONGEST:
        return None
    if token["mixed"]:
        whole, part = token["mixed"].split(maxsplit=1)
        fraction = _ratio(part)
        return Fraction(int(whole)) + fraction if fraction is not None else None
    value = _ratio(token["chunk"]) if "/" in token["chunk"] else _decimal(token["chunk"])
    return value * Fraction(10) ** int(token["exp"][1:]) if value is not None and token["exp"] else value


def _ratio(text: str) -> Fraction | None:
    above, _, below = text.partition("/")
    numerator, denominator = _decimal(above), _decimal(below)
    return numerator / denominator if numerator is not None and denominator else None


def _decimal(text: str) -> Fraction | None:
    return Fraction(text.replace(",", "")) if text and _WHOLE.fullmatch(text) else None
