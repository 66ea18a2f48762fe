"""The rules that decide by themselves: each looks at a pair and grades it, or has nothing to say.

Which there are, what each is for and their order is the table in `cotspec.cot.grading`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from enum import Enum

from cotspec.cot import formulas, numbers, quantities
from cotspec.cot.grading_sides import Pair, Side, named
from cotspec.cot.latex import boxed
from cotspec.cot.numbers import Number

_CHOICE = re.compile(
    r"(?:(?:option|choice|answer) )?\(?(?P<letter>[A-J])\)?[).:]?(?P<text>(?<=[).:]) ?[^)\]]{2,})?", re.I
)
_YES = re.compile(r"(yes|no|true|false)[,.;:!](?= |\Z)", re.I)
_INSTEAD = re.compile(
    r"(?<=[0-9A-Za-z%.]),? (?:and |but )?(?:not|instead of|rather than) [$\\ ]*-?[0-9][^,;=]*\Z", re.I
)
_NOT_BUT = re.compile(
    r"\b(?:is |are )?not [$]?-?[0-9][0-9.,]*(?: \w{1,12})?,? (?:but(?: rather)?|which is|it's|it is)\b", re.I
)
_BOUND = re.compile(
    r"(?:n't|\b(?:not|cannot|never|(?:more|less|fewer|greater|larger|smaller|higher|lower|other) than|at least|at most"
    r"|up to|no (?:more|less|fewer) than|over|under|above|below|almost|nearly|between|instead of|rather than|except"
    r"|anything but"
    r"|half of|twice|double|triple|roots? of|cube of|square of|minimum of|maximum of|exceeds?))"
    r"(?: \w{1,9}){0,2}? ?[$(]*-?[0-9]"
    r"|[0-9][^0-9,;]{0,24}\b(?:or|and) (?:more|less|fewer|greater|above|below|over|under|up)\b"
    r"|[0-9][^0-9,;.]{0,16}(?:\b(?:is|are|was|were|does|do|can) ?not\b|n't\b|\b(?:is|are) (?:wrong|incorrect)\b)"
    r"|[0-9][^0-9,;.]{0,16}\b(?:if|unless|provided(?: that)?)\b|[0-9][^0-9,;.]{0,16}\btwice\b"
    r"|\bno (?:real )?solutions?\b"
    r"|[0-9] (?:squared|cubed|factorial)\b|[0-9]\+(?!\s?[0-9(A-Za-z\\.])|[0-9]\+ [a-z]{2,}|[0-9] ?[-+*×÷/^=]\Z",
    re.I,
)
"""What makes a number another value, or none."""
_OPPOSITES = (
    *(("north", "south"), ("east", "west"), ("left", "right"), ("up", "down"), ("profit", "loss"), ("gain", "loss")),
    *(("increase", "decrease"), ("increases", "decreases"), ("before", "after"), ("more", "less"), ("more", "fewer")),
)
_RELATION = re.compile(r"[<>≤≥≠]|\\(?:leq?|geq?|lt|gt|neq?|leqslant|geqslant|in)(?![A-Za-z])|!=")
_WHOLE = re.compile(r"\s*(?:\$\$?([^$]*)\$\$?|\\\(((?:[^\\]|\\(?!\)))*)\\\)|\\\[((?:[^\\]|\\(?!\]))*)\\\])[\s.]*")
_DECIMAL_COMMA = re.compile(
    r"[^0-9]*(?<![0-9.,])(-?(?!(?:[1-9][0-9]{0,2}),[0-9]{3}(?![0-9]))[0-9]+),([0-9]+)(?![.,]?[0-9])[^0-9]*"
)
_FORMULA = re.compile(r"\\\(|\\\[|(?<!\\)\$[^$]+\$")


class Grade(Enum):
    """What comparing comes to. An answer that cannot be compared is counted, and never right."""

    RIGHT = "right"
    WRONG = "wrong"
    UNGRADABLE = "ungradable"


def boxes(pair: Pair) -> Pair | Grade | None:
    texts = [_unboxed(side.raw) for side in (pair.given, pair.gold)]
    if None in texts:
        return Grade.UNGRADABLE
    given, gold = (text or "" for text in texts)
    if not says(given):
        return Grade.WRONG
    return Pair(Side(given), Side(gold)) if (given, gold) != (pair.given.raw, pair.gold.raw) else None


def says(text: str) -> bool:
    """Whether there is anything in a text that can be compared."""
    return any(c.isalnum() or c in "∞∅" for c in text)


def _unboxed(text: str) -> str | None:
    """What the boxes of a text hold, out of `$`; None when a digit or letter is glued to a box."""
    for _ in range(4):
        box = boxed(text)
        if box is None:
            break
        if box[1]:
            return None
        text = box[0]
    whole = _WHOLE.fullmatch(text)
    return next(filter(None, whole.groups()), "") if whole else text


def same_text(pair: Pair) -> Grade | None:
    same = pair.given.key == pair.gold.key and pair.gold.key
    return Grade.RIGHT if same and not _other_currency(pair) else None


def choice(pair: Pair) -> Grade | None:
    given, gold = (_CHOICE.fullmatch(side.text) for side in (pair.given, pair.gold))
    if given and gold:
        if given["letter"].upper() != gold["letter"].upper():
            return Grade.WRONG
        return None if given["text"] and gold["text"] else Grade.RIGHT
    said = _YES.match(pair.given.text)
    if said and pair.gold.key in ("yes", "no", "true", "false"):
        return Grade.RIGHT if said[1].casefold() == pair.gold.key else Grade.WRONG
    return None


def retracted(pair: Pair) -> Pair | None:
    said = _INSTEAD.sub("", _NOT_BUT.sub("is", pair.given.text))
    return Pair(Side(said), pair.gold) if said != pair.given.text else None


def bound(pair: Pair) -> Pair | Grade | None:
    one, other = (_BOUND.search(side.text) for side in (pair.given, pair.gold))
    if one is None and other is None:
        return None
    if one is None or other is None:
        return Grade.UNGRADABLE if one else Grade.WRONG
    words = [re.findall(r"[a-z+]+", match.group().casefold()) for match in (one, other)]
    values = [re.findall(r"[0-9]+(?:[.,][0-9]+)*", side.text) for side in (pair.given, pair.gold)]
    return Grade.RIGHT if words[0] == words[1] and values[0] == values[1] else Grade.WRONG


def relation(pair: Pair) -> Grade | None:
    if _RELATION.search(pair.given.text) and isinstance(pair.gold.number, Number) and "=" not in pair.gold.text:
        return Grade.UNGRADABLE
    return None


def amount(pair: Pair) -> Grade | None:
    totals = [quantities.amount(side.text) for side in (pair.given, pair.gold)]
    if totals == [None, None]:
        return None
    given, gold = (
        side.number if total is None else Number(total.value, total.ratio, total.unit)
        for side, total in zip((pair.given, pair.gold), totals, strict=True)
    )
    return _compared(given, gold)


def decimal_comma(pair: Pair) -> Grade | None:
    for one, other in ((pair.given, pair.gold), (pair.gold, pair.given)):
        comma = _DECIMAL_COMMA.fullmatch(one.text)
        if comma and isinstance(other.number, Number) and "." in other.text:
            return (
                Grade.RIGHT if _compared(numbers.read(f"{comma[1]}.{comma[2]}"), other.number) is Grade.RIGHT else None
            )
    return None


def unit(pair: Pair) -> Grade | None:
    given, gold = (set(re.findall(r"[a-z]+", side.text.lower())) for side in (pair.given, pair.gold))
    if any(
        one in gold - given and other in given - gold for pair_ in _OPPOSITES for one, other in (pair_, pair_[::-1])
    ):
        return Grade.WRONG
    sides = (pair.given, pair.gold)
    return Grade.WRONG if _other_currency(pair) else _measured(*map(_paid, sides))


def _other_currency(pair: Pair) -> bool:
    one, other = (quantities.currency(side.raw) for side in (pair.given, pair.gold))
    return one is not None and other is not None and one != other


def _paid(side: Side) -> Number | str:
    """The number of a side with the unit that its sign stands for: `$5` is 5 dollars."""
    number = side.number
    if not isinstance(number, Number) or number.scale != 1 or quantities.unit(number.after):
        return number
    return replace(number, after="dollars") if quantities.currency(side.raw) == "dollar" else number


def one_number(pair: Pair) -> Grade | None:
    given, gold = pair.given.text, pair.gold.text
    if "=" in given and "=" in gold and named(given) != named(gold):
        both = isinstance(pair.given.number, Number) and isinstance(pair.gold.number, Number)
        return Grade.WRONG if both else None
    return _compared(pair.given.number, pair.gold.number)


def _compared(given: Number | str, gold: Number | str) -> Grade | None:
    if not isinstance(given, Number) or not isinstance(gold, Number):
        return None
    return _measured(given, gold) or (Grade.RIGHT if numbers.same(given, gold) else Grade.WRONG)


def _measured(given: Number | str, gold: Number | str) -> Grade | None:
    """A grade where both numbers have a unit that counts."""
    if not isinstance(given, Number) or not isinstance(gold, Number):
        return None
    one, other = quantities.unit(given.after), quantities.unit(gold.after)
    if one is None or other is None or one == other:
        return None
    same = one.kind == other.kind and numbers.close(given.value * one.size, gold.value * other.size)
    return Grade.RIGHT if same else Grade.WRONG


def words(pair: Pair) -> Grade | None:
    if pair.given.worded and (pair.gold.worded or isinstance(pair.gold.number, Number)):
        return Grade.WRONG
    return Grade.WRONG if pair.gold.worded and isinstance(pair.given.number, Number) else None


def undone(pair: Pair) -> Grade | None:
    value = isinstance(pair.gold.number, Number)
    return Grade.UNGRADABLE if value and pair.given.number == "undone" else None


def equation(pair: Pair) -> Grade | None:
    value = isinstance(pair.gold.number, Number)
    return Grade.UNGRADABLE if value and pair.given.number == "equation" else None


def prose(pair: Pair) -> Grade | None:
    if pair.given.number == "prose" and not _FORMULA.search(pair.given.raw):
        if isinstance(pair.gold.number, Number):
            return Grade.UNGRADABLE
        return Grade.WRONG if pair.gold.worded else None
    kinds = (pair.given.number, pair.gold.number)
    unlike = any(isinstance(kind, Number) for kind in kinds) and any(kind in ("text", "list") for kind in kinds)
    return Grade.WRONG if unlike else None


def formula(pair: Pair) -> Grade:
    opinion = formulas.opinion(pair.given.raw, pair.gold.raw)
    return {"same": Grade.RIGHT, "different": Grade.WRONG, "unread": Grade.UNGRADABLE}[opinion]
