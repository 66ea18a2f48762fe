"""Quantities as people write them, rewritten as one number with one unit: number words, separators, compound amounts.

Every rewriting leaves a text alone that it does not wholly understand. Units that change a value are a table.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final, NamedTuple

_SMALL = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_BIG = {"thousand": 10**3, "million": 10**6}
_VALUES: Final = {
    **{word: i for i, word in enumerate(_SMALL)},
    **{word: 10 * i for i, word in enumerate(_TENS, 2)},
}
_WORD = "|".join(sorted((*_VALUES, "hundred", *_BIG), key=len, reverse=True))
NUMERIC: Final = re.compile(rf"[0-9\\]|[^\x00-\x7f]|\b(?:{_WORD}|half|dozen|third|quarter|fourth|fifth)", re.I)
"""What a text has that says a number in any way."""
_RUN = re.compile(
    rf"(?<![A-Za-z])(?:a (?=(?:hundred|thousand|million)\b))?(?:{_WORD})(?:(?:[ -]| and )(?:{_WORD}))*+(?![A-Za-z])",
    re.I,
)
_COUNTS = re.compile(r"(?:\A|[^a-z ]|\b(?:is|are|was|has|have|had|and|or|only|just|exactly|negative|minus)) ?\Z", re.I)
"""What stands before a `one` that is a number; anywhere else (`the one`, `no one`) it is a pronoun."""
_MINUS = re.compile(r"(?<![A-Za-z])(?:negative|minus) (?=[$(]?[0-9.])", re.I)
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5}
_PART = re.compile(r"\b(?P<count>[0-9]{1,3}|a|an)[ -](?P<part>half|third|quarter|fourth|fifth)(?:s|ves)?\b", re.I)
_DOZEN = re.compile(r"\b(half )?a dozen\b", re.I)
_MIXED = re.compile(r"(?<![0-9.,/])([0-9]{1,9}) and ([0-9]{1,4}/[0-9]{1,4})(?![0-9./])")
_GROUPED = re.compile(
    r"(?<![0-9.,'])(?:[1-9][0-9]{0,2}(?:[ '][0-9]{3})++|[1-9][0-9]?(?:,[0-9]{2}){1,5},[0-9]{3}"
    r"|[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}+)(?![0-9']|[,][0-9]| [0-9])"
)
_BOTH_MARKS = re.compile(r"(?<![0-9.,])([1-9][0-9]{0,2}(?:\.[0-9]{3})+),([0-9]{1,2})(?![0-9.,])")
_SHORT_SCALE = re.compile(
    r"(?:(?<=[$€£¥₹])|(?<=[$€£¥₹] ))([0-9][0-9.,]*)([kKMB])(?![A-Za-z0-9])"
    r"|(?<![A-Za-z$])([0-9][0-9.]*)(K)(?![A-Za-z0-9])"
)
_SHORT = {"k": "thousand", "m": "million", "b": "billion"}

_UNITS: Final = {
    "length": "mm 0.001, millimet 0.001, cm 0.01, centimet 0.01, dm 0.1, m 1, met 1, km 1000, kilomet 1000, "
    "inch 0.0254, foot 0.3048, feet 0.3048, ft 0.3048, yard 0.9144, yd 0.9144, mile 1609.344, mi 1609.344",
    "time": "second 1, sec 1, s 1, minute 60, min 60, hour 3600, hr 3600, h 3600, day 86400, week 604800",
    "date": "month 1, year 12, yr 12, decade 120",
    "mass": "milligram 0.001, mg 0.001, gram 1, g 1, kilogram 1000, kilo 1000, kg 1000, ounce 28.349523125, "
    "oz 28.349523125, pound 453.59237, lb 453.59237",
    "volume": "millilit 0.001, ml 0.001, cl 0.01, dl 0.1, lit 1, l 1, gallon 3.785411784, quart 0.946352946, "
    "pint 0.473176473",
    "money": "dollar 100, cent 1, ¢ 1",
    "celsius": "celsius 1, degrees celsius 1, degrees c 1",
    "fahrenheit": "fahrenheit 1, degrees fahrenheit 1, degrees f 1",
    "morning": "am 1, a.m. 1",
    "afternoon": "pm 1, p.m. 1",
}
"""Kinds of units, each with its size in a unit of that kind. A name here may go on as in `_ENDING`."""
_KNOWN: Final = {
    name: (kind, Fraction(size))
    for kind, sizes in _UNITS.items()
    for name, _, size in (entry.rpartition(" ") for entry in sizes.split(", "))
}
_NAME = "|".join(sorted(map(re.escape, _KNOWN), key=len, reverse=True))
_ENDING = r"(?:(?<=met)(?:er|re)s?|(?<=lit)(?:er|re)s?|(?<=inch)es|s)?(?![A-Za-z])"
_UNIT = re.compile(
    rf"\s?(?P<power>square |sq\.? ?|cubic |cu\.? ?)?(?P<name>{_NAME}){_ENDING}(?:\s?\^?\s?(?P<raised>[23])(?![0-9]))?"
    rf"(?:\s?(?:/|per )\s?(?P<per>{_NAME}){_ENDING})?",
    re.I,
)
_DOLLAR_SIGN = re.compile(r"(?<![A-Za-z0-9])(?:US)?\\?\$ ?(?=-?[0-9.])")
_CURRENCIES = {
    "dollar": re.compile(r"(?<![A-Za-z])(?:USD|dollars?)(?![A-Za-z])", re.I),
    "euro": re.compile(r"€|\\euro|(?<![A-Za-z])(?:EUR|euros?)(?![A-Za-z])", re.I),
    "pound": re.compile(r"£|\\pounds|(?<![A-Za-z])GBP(?![A-Za-z])"),
    "yen": re.compile(r"¥|(?<![A-Za-z])(?:JPY|yen)(?![A-Za-z])", re.I),
    "rupee": re.compile(r"₹|(?<![A-Za-z])(?:Rs|INR|rupees?)(?![A-Za-z])", re.I),
}
"""What pounds weigh is no currency, so only the sign and the code tell that of `5 pounds`."""
_RATES = {"mph": "mile per hour", "kmh": "km per hour", "kph": "km per hour"}
_COMPOUND = re.compile(
    rf"(?P<first>[0-9][0-9,]*) ?(?P<unit>{_NAME}){_ENDING},? ?(?:and )?"
    rf"(?P<second>[0-9]+(?:\.[0-9]+)?) ?(?P<below>{_NAME}){_ENDING}",
    re.I,
)


class Unit(NamedTuple):
    """What a unit measures, and its size in the base unit of that kind."""

    kind: str
    size: Fraction


class Amount(NamedTuple):
    """An amount in the larger of its two units, and how many of the smaller one make one of it."""

    value: Fraction
    ratio: Fraction
    unit: str


def rewritten(text: str) -> str:
    """A typed text with its quantities as digits: `twenty` is `20`, `1 234` is `1234`, `2 and 1/4` is `2 1/4`."""
    text = _words(text)
    text = _BOTH_MARKS.sub(lambda m: f"{m[1].replace('.', '')}.{m[2]}", text)
    text = _GROUPED.sub(lambda m: re.sub(r"[ ',.]", "", m.group()), text)
    return _MIXED.sub(r"\1 \2", _MINUS.sub("-", text))


def scaled(text: str) -> str:
    """`$1.5k` as `$1.5 thousand`; asks for the currency, so it comes before that is dropped."""
    return _SHORT_SCALE.sub(lambda m: f"{m[1] or m[3]} {_SHORT[(m[2] or m[4]).lower()]}", text)


def amount(text: str) -> Amount | None:
    """`18 dollars and 50 cents` as one number; None for any other text."""
    match = _COMPOUND.fullmatch(text.strip(" ."))
    if match is None:
        return None
    (kind, size), (below_kind, below) = _KNOWN[match["unit"].lower()], _KNOWN[match["below"].lower()]
    if kind != below_kind or size <= below:
        return None
    value = Fraction(match["first"].replace(",", "")) + Fraction(match["second"]) * below / size
    return Amount(value, size / below, match["unit"])


def unit(after: str) -> Unit | None:
    """The unit that follows a number (`km/h of speed`), when it is one that changes what the number says."""
    lowered = after.lower().strip()
    for short, long in _RATES.items():
        lowered = re.sub(rf"\A{short}\b", long, lowered)
    match = _UNIT.match(lowered)
    if match is None:
        return None
    kind, size = _KNOWN[match["name"]]
    power = match["raised"] or {"s": "2", "c": "3"}.get((match["power"] or " ")[0], "1")
    kind, size = f"{kind}^{power}", size ** int(power)
    if match["per"]:
        per_kind, per = _KNOWN[match["per"]]
        kind, size = f"{kind}/{per_kind}", size / per
    return Unit(kind, size)


def currency(text: str) -> str | None:
    """The one currency a typed text names; a pair of `$` is around a formula and no currency."""
    currencies = {name for name, pattern in _CURRENCIES.items() if pattern.search(text)}
    if _DOLLAR_SIGN.search(text) and text.replace("\\$", "").count("$") <= 1:
        currencies.add("dollar")
    return currencies.pop() if len(currencies) == 1 else None


def _words(text: str) -> str:
    text = _DOZEN.sub(lambda m: "6" if m[1] else "1 dozen", text)
    if text.casefold() in ("half", "a half"):
        return "1/2"
    if not any(c.isdigit() for c in text):
        text = _RUN.sub(_digits, text)
    text = re.sub(r"(?<=[0-9]) and (?:a|an|1) half\b", " 1/2", text, flags=re.I)
    return _PART.sub(lambda m: f"{m['count'] if m['count'].isdigit() else 1}/{_PARTS[m['part'].lower()]}", text)


def _digits(run: re.Match[str]) -> str:
    pronoun = run.group().casefold() == "one" and not _COUNTS.search(run.string[: run.start()])
    return run.group() if pronoun else _spelled(run.group())


def _spelled(run: str) -> str:
    """The digits of a run of number words; the run itself where it is no number (`one two three`)."""
    total = group = 0
    for word in re.findall(r"[a-z]+", run.lower()):
        if word in ("and", "a"):
            continue
        if word == "hundred":
            fits = group < 10 or (group < 100 and group % 10 > 0)  # `nineteen hundred`
            group = max(1, group) * 100
        elif word in _BIG:
            fits = group < 1000 and (not total or total % (_BIG[word] * 1000) == 0)
            total, group = total + max(1, group) * _BIG[word], 0
        else:
            value = _VALUES[word]
            fits = group % 100 == 0 or (value < 10 and group % 10 == 0 and group % 100 >= 20 and value > 0)
            fits = fits and not (value == 0 and (group or total))
            group += value
        if not fits:
            return run
    return str(total + group)
