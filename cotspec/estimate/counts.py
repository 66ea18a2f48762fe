"""How many: expected and at most. What a slice leaves of a number, and a mix of several; the tokens of a prompt."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from cotspec.cot import mixing
from cotspec.spec import payload

CHARACTERS: Final = 4.0
"""Characters of English text in a token."""
_TEMPLATE: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def length(template: str) -> float:
    """Tokens of a prompt template that every prompt has."""
    return len(_TEMPLATE.sub("", template)) / CHARACTERS


class Count(NamedTuple):
    """How many: expected, at most, and from where."""

    expected: float
    most: float
    text: str

    def times(self, factor: float, what: str) -> Count:
        """The count times a factor, which the text explains by `what`."""
        return self if factor == 1 else Count(self.expected * factor, self.most * factor, f"{self.text} × {what}")


def cut(total: Count | None, slice: payload.Range) -> Count | None:
    """What a slice leaves; of an unknown number at most its width."""
    if slice.first == 0 and slice.end < 0:
        return total
    told = f"slice [{slice.first:,}, {'end' if slice.end < 0 else f'{slice.end:,}'})"
    if total is None:
        width = slice.end - slice.first
        return None if slice.end < 0 else Count(width, width, f"{told} of an unknown number")

    def left(count: float) -> float:
        return max(0.0, (count if slice.end < 0 else min(count, slice.end)) - slice.first)

    return Count(left(total.expected), left(total.most), f"{told} of {total.text}")


def best(total: Count, n: int) -> Count:
    """What is left of a number where the best `n` go on."""
    return Count(min(total.expected, n), min(total.most, n), f"the best {n:,} of {total.text}")


def mixed(counts: list[Count | None], body: payload.MixBody) -> Count | None:
    """What a mix uses of its sources, where each is known."""
    known = [each for each in counts if each is not None]
    if len(known) < len(counts):
        return None
    expected, most = (
        float(sum(mixing.used([round(size) for size in sizes], body.parts, body.order)))
        for sizes in ([each.expected for each in known], [each.most for each in known])
    )
    return Count(expected, most, f"at most {' and '.join(each.text for each in known)}")
