"""Text of strangers and of models, made safe to look at. Templates escape; this is about what is no letter."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MOST_CHARACTERS: Final = 6000
"""Most characters of a text that is shown; of a longer one its beginning and its end are."""
_SENTENCE: Final = 1200
"""Most characters of a name or a sentence."""
_BRIEF: Final = 160
"""Characters that stand for a text where it is one of many."""

_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but for tab and line feed
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"  # directions, unseen signs, no characters
    "\ud800-\udfff\U000e0000-\U000e0fff]"  # halves of a character, tags
)
_BREAK: Final = re.compile(r"\r\n?")


def seen(text: str) -> str:
    """`text` in which everything that is invisible, turns what follows around or cannot be in a file is written out,
    like `[U+202E]`."""
    return _UNSEEN.sub(lambda match: f"[U+{ord(match[0]):04X}]", _BREAK.sub("\n", text))


class Cut(NamedTuple):
    """A text as it is shown."""

    head: str
    left_out: int = 0
    """Characters between `head` and `tail`."""
    tail: str = ""


def cut(text: str, *, most: int = MOST_CHARACTERS, whole: int | None = None) -> Cut:
    """A text within bounds. `whole` is its length where `text` is only its beginning."""
    missing = max(0, (len(text) if whole is None else whole) - len(text))
    if missing:
        return Cut(text[:most], missing + max(0, len(text) - most))
    if len(text) <= most:
        return Cut(text)
    return Cut(text[: most * 2 // 3], len(text) - most * 2 // 3 - most // 3, text[-(most // 3) :])


def within(text: str) -> str:
    """A name or a sentence: whole, unless nobody would read it."""
    return text if len(text) <= _SENTENCE else f"{text[:_SENTENCE]} [… {len(text) - _SENTENCE:,} characters more …]"


def brief(text: str) -> str:
    """The beginning of a text, in one line."""
    start = " ".join(text[: 2 * _BRIEF].split())
    return start if len(start) <= _BRIEF and len(text) <= 2 * _BRIEF else f"{start[:_BRIEF]} …"
