"""Reads the one number an answer gives, the way a person would, exactly (no floating point). Expects plain text.

A text gives a number when nothing in it can change what the number says: the number with its unit (`18 dollars`), a
sentence with one number, in prose the number after the last verb (`After 5 days he has 30 apples`), what follows a
name and `=`, what stands outside parentheses. Anything else says why it gives none: `list` of numbers, `undone` sum or
range, `equation` whose left side is no name, `prose` with several numbers, `maths` to be worked out, any other `text`
(a time, a date, a number glued to a word).

`50%` may mean 50 or 0.5, and `3 million` 3 or 3,000,000: beside a bare number either counts, because the question, not
the answer, says which was asked for; two marked numbers are compared with their marks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

_PLAIN = re.compile(r"\s*+([-+−]?)\$?+((?:[1-9][0-9]{0,2}(?:,[0-9]{3})++(?![0-9,])|[0-9]++))(?:\.([0-9]*+))?\s*+")
_TOKEN = re.compile(
    r"(?P<mixed>[0-9]++ ++[0-9]++/[0-9]++(?![0-9]|[.,:/][0-9]))"
    r"|(?P<chunk>(?:[0-9]|\.(?=[0-9]))(?:[0-9]|[.,:/](?=[0-9]))*+)(?P<exp>[eE][-+]?[0-9]{1,3}(?![0-9A-Za-z]|[.,][0-9]))?"
)
_WHOLE = re.compile(r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})++|[0-9]++)?(?:\.[0-9]++)?")
_SCALE = re.compile(
    r"\s?(?:(?P<percent>%|(?:per\s?cent|pct|percentage)\b)|(?P<hundredth>¢|cents?\b)"
    r"|(?P<word>dozen|hundred|thousand|million|billion|trillion)s?\b)",
    re.I,
)
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_POWER_OF_TEN = re.compile(r"(?<=[0-9]) ?[×x*] ?10 ?\^ ?[({]?([-+]?[0-9]{1,3})[)}]?(?![0-9])")
_UNIT_POWER = re.compile(r"(?:(?<=[A-Za-z]{2})|(?<=[^A-Za-z]m))\s?\^\s?[({]?(-?[1-9])[)}]?(?![0-9])")
_UNIT_DIGIT = re.compile(
    r"(?<![A-Za-z])(?:[mcdk]?m|in|ft|yd|mi|(?:centi|milli|kilo)?met(?:er|re)s?|feet|foot|inch(?:es)?|miles?|yards?)\Z",
    re.I,
)
_SLASH = re.compile(r"(?<=[0-9]) ?/ ?(?=[0-9])")
_ASIDE = re.compile(r"\([^()]*+\)")
_DATE = re.compile(r"(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")
_LEADING_SIGN = re.compile(r"^([-+])\s++(?=[0-9.])")
_PER_UNIT = re.compile(r"/ ?[hsmdgLl](?![A-Za-z])")
_OPERATOR = re.compile(r"[-+*×÷/^]")
_UNWORKED = re.compile(r"[0-9)] ?[-+*×÷] ?[(0-9.]")
_MATHS = re.compile(r"[\\^√π±∞≈|∪∩∈<>≤≥≠{}]|\+/-|[0-9]!\Z")
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|equals?|has|have|had|gets?|got|takes?|took|needs?|costs?|earns?|earned|makes?|made|pays?"
    r"|paid|spends?|spent|sells?|sold|saves?|saved|gives?|gave|it's|that's)\b",
    re.I,
)
_TURN = re.compile(r"\b(?:than|because|since|if|when|where|who|not|but|while|although|unless|or|maybe|perhaps)\b", re.I)
_NAME = re.compile(
    r"(?:[a-zA-Z]|[A-Za-z]{2,}|\|[A-Za-z]+\|)(?:_\{?\w{1,9}\}?)?'*(?: ?\([^()=]{0,20}\))?(?: ?[-+/:] ?[A-Za-z]'*)*+"
)
_WORDED = re.compile(r"[A-Za-z' ,:$%-]*+")
_FUNCTIONS = frozenset({"sqrt", "sin", "cos", "tan", "cot", "sec", "log", "ln", "exp", "max", "gcd", "lcm"})
"""Words that make something else of the number after them."""
_LONGEST = 400
"""Longer digit strings are compared as text: Python refuses to convert them, and no person writes them."""
_LONGEST_ANSWER = 10_000
"""A longer text is not read for a number."""
_TOLERANCE = Fraction(1, 10**6)
"""How far a decimal may be, relatively, from a fraction whose decimals never end."""

Unread = Literal["text", "prose", "list", "undone", "equation", "maths"]


@dataclass(frozen=True, slots=True)
class Number:
    """An exact value as written; `scale` is 1/100 for a percentage, 10**6 for millions, else 1."""

    value: Fraction
    scale: Fraction = Fraction(1)
    after: str = ""
    """What follows the number: its unit, mostly."""


def same(one: Number, other: Number) -> bool:
    """Whether two numbers are equal; a mark (%, million) on one side only may be read or not."""
    if one.scale != 1 and other.scale != 1:
        return close(one.value * one.scale, other.value * other.scale)
    return close(one.value, other.value) or close(one.value * one.scale, other.value * other.scale)


def close(one: Fraction, other: Fraction) -> bool:
    """Equal; or one is a decimal and rounds the other, whose decimals never end, to at least six digits."""
    if one == other:
        return True
    if _ends(one) == _ends(other):
        return False
    return abs(one - other) <= _TOLERANCE * abs(one if _ends(other) else other)


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


def read(text: str) -> Number | Unread:
    """The number a plain text gives, or why it gives none."""
    if len(text) > _LONGEST_ANSWER:
        return "text"
    if "=" in text:
        name, _, text = text.rpartition("=")
        if not _names(name):
            return "equation"
    text = _outside(text.strip())
    text = _UNIT_POWER.sub(_raised, _POWER_OF_TEN.sub(r"e\1", text)) if "^" in text else text
    text = _LEADING_SIGN.sub(r"\1", _SLASH.sub("/", text) if "/" in text else text)
    if _MATHS.search(text):
        return "maths"
    return _choose(text, list(_TOKEN.finditer(text)))


def names(text: str) -> bool:
    """Whether the left side of an equation is a name: `x`, `f(2)`, `a_1`, `AB`, `m + n`."""
    return bool(_NAME.fullmatch(text.strip()))


def _names(left: str) -> bool:
    """Whether what stands before the last `=` leaves the rest as the answer: names, words, sums that were done."""
    return all(
        names(part)
        or _WORDED.fullmatch(part)
        or not re.search(r"(?<![A-Za-z])[a-zA-Z](?![a-zA-Z])|[0-9][A-Za-z]", part)
        for part in left.split("=")
    )


def _ends(value: Fraction) -> bool:
    """Whether the decimals of a value end."""
    below = value.denominator
    for prime in (2, 5):
        while below % prime == 0:
            below //= prime
    return below == 1


def _outside(text: str) -> str:
    if "(" not in text:
        return text
    without = _ASIDE.sub(" ", text)
    if re.search(r"\(\s?or\b", text):
        return text
    glued = re.search(r"[0-9A-Za-z^]\(|\)[0-9A-Za-z^]|[-+*×÷/]\s?\(|\)\s?[-+*×÷/]", text)
    return without.strip() if not glued and any(c in "0123456789" for c in without) else text


def _choose(text: str, tokens: list[re.Match[str]]) -> Number | Unread:
    if not tokens or _DATE.search(text):
        return "text"
    words = re.findall(r"[A-Za-z]+", _TOKEN.sub(" ", text))
    if len(tokens) > 1 and _UNWORKED.search(text) and all(len(word) > 1 for word in words):
        return "undone"
    if _is_algebra(text, tokens, words) or any(word.lower() in _FUNCTIONS for word in words):
        return "maths"
    if len(tokens) > 1:
        tokens = [token for token in tokens if not _in_unit(text, token)]
    if not tokens:
        return "text"
    if len(tokens) > 1:
        if not any(len(word) > 1 for word in words):
            return "list"
        if not _concluding(text, tokens):
            return "prose"
    return _number(text, tokens[-1]) or "text"


def _concluding(text: str, tokens: list[re.Match[str]]) -> bool:
    """Whether the last number is what the sentence says: it follows the verb, and no other number does."""
    between = text[tokens[-2].end() : tokens[-1].start()]
    verbs = list(_VERB.finditer(between))
    if not verbs or _TURN.search(between) or re.search(r"[,;]|\band\b", between[verbs[-1].end() :]):
        return False
    joined = re.search(r"[,;]|\band\b", between)
    return not (joined and _VERB.search(text[: tokens[-2].start()]))


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


def _raised(power: re.Match[str]) -> str:
    """`cm^2` as `cm2`; the power of any other word is left out."""
    before = power.string[max(0, power.start() - 16) : power.start()]
    return power[1] if power[1] in ("2", "3") and _UNIT_DIGIT.search(before) else ""


def _in_unit(text: str, token: re.Match[str]) -> bool:
    """The 2 of `cm2`."""
    if token.group() not in ("2", "3") or text[token.end() : token.end() + 1].isalnum():
        return False
    return bool(_UNIT_DIGIT.search(text[max(0, token.start() - 16) : token.start()]))


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
    return Number(-value if negative else value, _scale(scale), text[token.end() : token.end() + 40])


def _scale(match: re.Match[str] | None) -> Fraction:
    if match is None:
        return Fraction(1)
    if match["percent"] or match["hundredth"]:
        return Fraction(1, 100)
    return Fraction(_SCALES[match["word"].lower()])


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
