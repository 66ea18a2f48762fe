"""What texts of earlier runs tell of texts to come: how long traces are, how many characters a token has.

Knows summaries of files; nothing of tasks.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from cotspec.passes.cost.amounts import Quantity
from cotspec.passes.cost.facts import Lines
from cotspec.passes.cost.words import count

CHARACTERS: Final = 4.0
"""Characters of English text in a token, where no record tells (a common rule of thumb)."""
_TEMPLATE: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


class Speech(NamedTuple):
    """What a teacher's traces are like."""

    question: float
    """Mean characters of a question."""
    tokens: float
    """Mean tokens of a trace."""
    longest: float
    ratio: float
    """Characters in a token."""
    text: str


def of_lines(lines: Lines | None, field: str) -> Speech | None:
    """The speech in a file whose records have a text and its tokens; None without such records."""
    if lines is None or not lines.means.get("tokens") or not lines.chars.get(field):
        return None
    return Speech(
        question=lines.chars.get("question", 0.0),
        tokens=lines.means["tokens"],
        longest=lines.largest["tokens"],
        ratio=lines.chars[field] / lines.means["tokens"],
        text=f"the mean of {lines.looked:,} in {lines.file}",
    )


def lengths(most: int, own: Lines | None, speech: Speech | None) -> tuple[Quantity, float]:
    """Mean length of what is generated, and the longest: as it was, as the teacher's, or as far as allowed."""
    if own and "tokens" in own.means:
        mean = own.means["tokens"]
        longest = own.largest["tokens"] if own.looked > 1 else most
        return Quantity(mean, f"{count(mean)} tokens (mean of {own.looked:,} in {own.file})"), min(longest, most)
    if speech:
        mean = min(speech.tokens, most)
        return Quantity(mean, f"{count(mean)} tokens (as long as {speech.text})"), min(speech.longest, most)
    return Quantity(most, f"{most:,} tokens (`max_new_tokens`)", "at most"), most


def template(prompt: str) -> int:
    """Characters of a prompt template that every prompt has."""
    return len(_TEMPLATE.sub("", prompt))
