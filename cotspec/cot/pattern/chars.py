"""Sets of characters, as the members of one sample that no expression's classes can tell from the rest.

Two classes of an expression have a character in common exactly when the sample has one: it holds both ends of every
range with their neighbours, all of ASCII, and a character of every kind that `\\w`, `\\d` and `\\s` distinguish.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from cotspec.cot.pattern.reading import Item, inner

Chars = frozenset[str]

_KINDS = "é²٣½\u00a0\u2028…—中😀Ж"
_LAST = 0x10FFFF


def sample(items: Sequence[Item]) -> Chars:
    """Characters that stand for all others in an expression."""
    codes = set(range(128)) | {ord(char) for char in _KINDS}
    for code in _codes(items):
        codes |= {code - 1, code, code + 1}
    found = {chr(code) for code in codes if 0 <= code <= _LAST}
    return frozenset(found | {other for char in found for other in (*char.lower(), *char.upper())})


def _codes(items: Iterable[Item]) -> Iterable[int]:
    for item in items:
        name, argument = str(item[0]), item[1]
        if name in ("LITERAL", "NOT_LITERAL"):
            yield argument
        elif name == "RANGE":
            yield from argument
        elif name == "IN":
            yield from _codes(argument)
        for part in inner(item)[1]:
            yield from _codes(part)


def members(item: Item, flags: int, of: Chars) -> Chars | None:
    """The characters of a one-character item; None for any other item."""
    name, argument = str(item[0]), item[1]
    match name:
        case "LITERAL":
            return _folded(frozenset(char for char in of if ord(char) == argument), flags, of)
        case "NOT_LITERAL":
            return of - _folded(frozenset(char for char in of if ord(char) == argument), flags, of)
        case "ANY":
            return of if flags & re.DOTALL else of - {"\n"}
        case "IN":
            return _class(argument, flags, of)
        case _:
            return None


def _class(parts: Sequence[Item], flags: int, of: Chars) -> Chars:
    found: set[str] = set()
    for name, argument in ((str(part[0]), part[1]) for part in parts):
        match name:
            case "LITERAL":
                found |= {char for char in of if ord(char) == argument}
            case "RANGE":
                found |= {char for char in of if argument[0] <= ord(char) <= argument[1]}
            case "CATEGORY":
                found |= {char for char in of if _in_category(char, argument, flags)}
    whole = _folded(frozenset(found), flags, of)
    return of - whole if parts and str(parts[0][0]) == "NEGATE" else whole


def _folded(found: Chars, flags: int, of: Chars) -> Chars:
    """With what `re.IGNORECASE` adds, and a little more: too large a set is the safe side."""
    if not flags & re.IGNORECASE:
        return found
    keys = {key for char in found for key in (char.lower(), char.upper(), char.casefold())}
    return frozenset(char for char in of if keys & {char, char.lower(), char.upper(), char.casefold()})


def _in_category(char: str, category: Any, flags: int) -> bool:
    name = str(category).removeprefix("CATEGORY_").removeprefix("UNI_")
    kind = name.removeprefix("NOT_")
    ascii_only = bool(flags & re.ASCII) and not char.isascii()
    match kind:
        case "DIGIT":
            inside = char.isdecimal()
        case "SPACE":
            inside = char.isspace()
        case "WORD":
            inside = char.isalnum() or char == "_"
        case _:  # line breaks: nothing a person can write
            inside = char == "\n"
    return (inside and not ascii_only) != (kind != name)
