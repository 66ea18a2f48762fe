"""When two texts of one record say the same: by their words, or by what they calculate. Pure.

Rejection sampling compares the list of a text's equations, their order and form included, so `3*4=12` and `4*3=12` are
two ways to solve a question (arXiv 2308.01825).
"""

from __future__ import annotations

import re
from typing import Final, Literal

from cotspec.cot.units import equations

_TIMES: Final = re.compile(r"\\(?:times|cdot)(?![A-Za-z])|[×·]|(?<=[\d)}])\s*[xX]\s*(?=[\d($\\])")
_DIVIDED: Final = re.compile(r"\\div(?![A-Za-z])|÷")
_FRACTION: Final = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_LAYOUT: Final = (
    r"\\(?:left|right|[bB]igg?[lr]?|(?:display|text)style|q?quad|boxed|m?box|text(?:bf|it|rm)?|math(?:rm|bf|it)"
    r"|operatorname)(?![A-Za-z])"
)
_LEFT_OUT: Final = re.compile(rf"(?<![A-Za-z\\])[A-Za-z]{{2,}}|{_LAYOUT}|\\[^A-Za-z%]|\\(?=%)|[\s$€£,{{}}]")
r"""Names and units of two letters or more, what LaTeX lays a formula out with, currencies, blanks, thousands commas.
What LaTeX calculates with stays: `\sqrt`, `\sin`, `\pi`, `\pm`."""


def key(text: str, by: Literal["text", "calculations"]) -> tuple[str, ...]:
    """What two equal texts have in common: their words, or their calculations; of a text without any its words."""
    found = calculations(text) if by == "calculations" else ()
    return ("calculations", *found) if found else ("words", *text.split())


def calculations(text: str) -> tuple[str, ...]:
    r"""The equations of a text in their order, as numbers and signs alone.

    >>> calculations("In May: 48 clips / 2 = <<48/2=24>>24 clips. Cost = $1,000 \\times 2 = 2{,}000")
    ('48/2=24', '1000*2=2000')
    """
    return tuple(_plain(text[first:last]) for first, last in equations(text))


def _plain(equation: str) -> str:
    divided = _DIVIDED.sub("/", _FRACTION.sub(_over, _TIMES.sub("*", equation)))
    plain = _LEFT_OUT.sub("", divided.replace("−", "-")).rstrip(".;:")
    return plain.removeprefix("=") if plain.count("=") > 1 else plain


def _over(fraction: re.Match[str]) -> str:
    return "/".join(each if each.strip().isalnum() else f"({each})" for each in fraction.groups())
