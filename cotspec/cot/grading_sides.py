"""The two sides of a comparison: each answer as text, as one number, as a list, read when a rule asks.

Knows how an answer is read; not which answers are the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from cotspec.cot import numbers, quantities
from cotspec.cot.latex import plain
from cotspec.cot.numbers import Number

_SPACES = re.compile(r"\s+")
_AROUND = re.compile(r" ?([;:/=+*×()\[\]{}<>-]) ?")
_COMMA = re.compile(r" ?, ?")
_WORDED = re.compile(r"[^\W\d_]+(?:[ '’,.&-]+[^\W\d_]+)*[.!]?")
_JOINT = re.compile(r" ?[,;] ?(?:and |or )?| (?:and|or) |(?<=[0-9)])(?:and|or)(?=[(0-9a-zA-Z])|(?<=\))(?=\()", re.I)
_GROUPED = re.compile(r"(?<![0-9,.])[1-9][0-9]{0,2}(?:,[0-9]{3})++(?![0-9,])")
_LEAD = re.compile(r"(?:so|thus|therefore|hence|then|finally|approximately|about|around|roughly),? ", re.I)
_MEMBER = re.compile(
    r"(?:[^=]{1,24}=)? ?[-+]?[0-9][0-9.,/]*(?: ?%)?(?: (?!(?:of|per|for|in|to|from|at|on|by)\b)[A-Za-z]+){0,3}\.?"
)


@dataclass(frozen=True)
class Side:
    """One of two answers, and what is read in it when a rule asks."""

    raw: str
    """As written, out of its box, in the characters of a keyboard."""

    @cached_property
    def text(self) -> str:
        """Plain text, quantities as digits."""
        return _SPACES.sub(" ", quantities.rewritten(plain(quantities.scaled(self.raw)))).strip()

    @cached_property
    def key(self) -> str:
        """What two equal texts share: words without case, formulas without the space around their signs."""
        tidy = _AROUND.sub(r"\1", _COMMA.sub(", ", self.text.rstrip(" ."))).strip()
        return tidy.casefold() if _WORDED.fullmatch(tidy) else tidy

    @cached_property
    def number(self) -> Number | numbers.Unread:
        """The one number it gives."""
        return numbers.read(self.text)

    @cached_property
    def items(self) -> tuple[str, ...]:
        """Its members when it is a list outside brackets; else one."""
        return split(self.text)

    @property
    def worded(self) -> bool:
        """Whether it is words and nothing else."""
        return bool(_WORDED.fullmatch(self.text)) and "\\" not in self.raw.replace("\\text", "").replace("\\$", "")


@dataclass(frozen=True)
class Pair:
    """The given answer and the gold answer."""

    given: Side
    gold: Side


def split(text: str) -> tuple[str, ...]:
    text = _LEAD.sub("", _GROUPED.sub(lambda m: m.group().replace(",", ""), text.strip(" .")))
    if text[:1] == "{" and text[-1:] == "}" and "{" not in text[1:]:
        text = text[1:-1]
    depth, cut, items = 0, 0, []
    joints = {m.start(): m.end() for m in _JOINT.finditer(text)}
    for at, char in enumerate(text):
        if not depth and at >= cut and at in joints and at:
            items.append(text[cut:at])
            cut = joints[at]
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(char, 0)
    items.append(text[cut:])
    return tuple(item.strip() for item in items if item.strip()) or (text,)


def simple(items: Sequence[str]) -> bool:
    """Whether each is a number with its unit, `name = number`, or a few words."""
    return all(_MEMBER.fullmatch(item) or (_WORDED.fullmatch(item) and item.count(" ") < 4) for item in items)


def in_order(given: Sequence[str], gold: Sequence[str]) -> bool:
    """Whether one side names its values and the other gives them in the order of the names."""
    told, bare = sorted((given, gold), key=lambda items: not any("=" in item for item in items))
    distinct = {named(item) for item in told if "=" in item}
    return len(distinct) > 1 and not any("=" in item for item in bare)


def named(text: str) -> str:
    """The name on the left of an equation, without space and without the letter of its argument."""
    return re.sub(r"\s|\([a-z]\)", "", text.partition("=")[0])
