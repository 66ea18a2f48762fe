"""A stranger's text as a terminal may show it."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category


def visible(text: str) -> str:
    """`text` with everything that could steer a terminal, or turn the order of its characters, made a sign."""
    return "".join(map(_visible, text.expandtabs(4)))


def _visible(char: str) -> str:
    if char.isprintable() or char == "\n":
        return char
    if char < " ":
        return chr(0x2400 + ord(char))
    match category(char):
        case "Zs":
            return " "
        case "Cf" if not _TURNS.match(char):  # joiners and soft hyphens are part of words
            return char
        case _:
            return "\N{REPLACEMENT CHARACTER}"


_TURNS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
