"""LaTeX, markdown and typography of an answer turned into plain text. Knows nothing of numbers' values.

Linear in the length of the text: repeats are possessive or stop at the next brace.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

_TYPOGRAPHY = {
    **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full-width forms of ASCII
    **dict.fromkeys("−‒–—﹣", "-"),
    **dict.fromkeys("\u00a0\u2007\u202f\u200a\u2002\u2003\u3000", "\u2009"),
    **dict.fromkeys("⁄∕", "/"),
    **dict.fromkeys("\u2018\u2019ʼ", "'"),
    **dict.fromkeys("\u200b\ufeff", ""),
    "。": ".",
    "、": ",",
    "·": "×",
    "°": " degrees ",
}
_VULGAR = {"½": " 1/2", "⅓": " 1/3", "⅔": " 2/3", "¼": " 1/4", "¾": " 3/4", "⅕": " 1/5", "⅛": " 1/8"}
_TABLE = str.maketrans({**_TYPOGRAPHY, **_VULGAR})
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺"
_SUPERSCRIPT = re.compile(rf"[{_RAISED}]+")
_LOWERED = str.maketrans(_RAISED, "0123456789-+")

_THOUSANDS = re.compile(r"(?<=[0-9])(?:\\[,;! ]|\{\s?,\s?\}|,\\!|\u2009)(?=[0-9]{3}(?![0-9]))")
_FRACTION = re.compile(r"\\[dtc]?frac\s{0,4}\{\s{0,4}([-+]?[0-9.,]+)\s{0,4}\}\s{0,4}\{\s{0,4}([0-9.,]+)\s{0,4}\}")
_SHORT_FRACTION = re.compile(r"\\[dtc]?frac\s{0,4}([0-9])\s{0,4}([0-9])")
_TEXT = re.compile(r"\\(?:text(?:bf|it|rm|tt)?|math(?:rm|bf|it|sf)|mbox|operatorname|mathit)\s{0,4}\{([^{}]*+)\}")
_WORDS = re.compile(
    r"\\(?:(?P<times>times|cdot)|(?P<div>div)|(?P<approx>approx)|(?P<degrees>degrees?|circ)|(?P<currency>pounds|euro)"
    r"|left|right|displaystyle|quad|qquad)(?![A-Za-z])"
)
_AS_TEXT = {"times": "×", "div": "÷", "approx": "≈", "degrees": " degrees ", "currency": "$"}
_SPACING = re.compile(r"\\[,;:! ()\[\]]|~|\u2009")
_SIGNS = "$€£¥₹₽₩฿"
_CURRENCY = re.compile(rf"(?<![A-Za-z])(?:US|AU|CA|HK|NZ)?\\?[{_SIGNS}]")
_CURRENCY_CODE = re.compile(r"(?<![A-Za-z])(?:Rs\.?|INR|USD|EUR|GBP|CAD|AUD|CHF|JPY)\s?(?=[-+]?[0-9])")
_BOX = re.compile(r"\\(?:boxed|fbox)\s{0,4}\{")
_BRACE = re.compile(r"\\?[{}]")
_SENTENCE = re.compile(r"[.!?]\s|\n\s*\n")
_SEPARATOR = re.compile(r"\b(?:and|or)\b|[,;]")
_MOST_BOXES = 50
_NEAR, _FAR = 10, 70
"""Boxes so many characters apart are one answer; up to so many when a separator stands between (math-verify's rule)."""


def typed(text: str) -> str:
    """A text in the characters of a keyboard: full-width forms, dashes, `10⁵`, `½`; LaTeX stays."""
    if text.isascii():
        return text
    text = _SUPERSCRIPT.sub(lambda match: "^{" + match.group().translate(_LOWERED) + "}", text)
    return text.translate(_TABLE)


def plain(text: str) -> str:
    """Plain text of an answer: `\\frac{3}{4}` is `3/4`, `1,\\!750 \\text{ ml}` is `1,750 ml`, `-\\$5` is `-5`."""
    text = typed(text)
    if "\\" in text or "{" in text or "\u2009" in text or "~" in text:
        text = _commands(text)
    if any(sign in text for sign in _SIGNS):
        text = _CURRENCY.sub(_currency, text)
    text = _CURRENCY_CODE.sub("", text)
    if "**" in text or "`" in text or "__" in text:
        text = text.replace("**", " ").replace("__", " ").replace("`", " ")
    return text.strip(" \t\r\n*_")


class Box(NamedTuple):
    """text[start:end] is a `\\boxed{…}` that holds `inside`."""

    start: int
    end: int
    inside: str


def box_run(text: str) -> list[Box]:
    """The last box of a text and those beside it that are one answer with it, from left to right; empty without one."""
    run: list[Box] = []
    limit = len(text)
    for head in reversed(list(_BOX.finditer(text))):
        box = _box(text, head, limit)
        if run and not (box.end <= run[0].start and _together(text[box.end : run[0].start])):
            break
        run.insert(0, box)
        limit = box.start
        if len(run) == _MOST_BOXES:
            break
    return run


def boxed(text: str) -> tuple[str, bool] | None:
    """What the last boxes hold, and whether a digit or letter is glued to their end; None without one."""
    run = box_run(text)
    if not run:
        return None
    held = [box.inside for i, box in enumerate(run) if not i or box.inside != run[i - 1].inside]
    between = [text[one.end : other.start] for one, other in pairwise(run)]
    joint = " or " if any(re.search(r"\bor\b", part) for part in between) else ", "
    after = text[run[-1].end : run[-1].end + 2]
    return joint.join(held), bool(re.match(r"\.?[0-9]|[A-Za-z]", after))


def _box(text: str, head: re.Match[str], limit: int) -> Box:
    depth = 1
    for brace in _BRACE.finditer(text, head.end(), limit):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if not depth:
            return Box(head.start(), brace.end(), text[head.end() : brace.start()])
    return Box(head.start(), len(text), text[head.end() :])


def _together(between: str) -> bool:
    if len(between) >= _FAR or _SENTENCE.search(between):
        return False
    return len(between) < _NEAR or bool(_SEPARATOR.search(between))


def _commands(text: str) -> str:
    text = re.sub(r"\\!\s?", "", text) if "\\!" in text else text
    text = _THOUSANDS.sub(lambda m: "," if "," in m.group() and "\\," not in m.group() else "", text)
    text = _TEXT.sub(r" \1 ", _TEXT.sub(r" \1 ", text))
    text = _FRACTION.sub(r" \1/\2 ", _SHORT_FRACTION.sub(r" \1/\2 ", text))
    text = text.replace("^{\\circ}", "\\circ ").replace("^\\circ", "\\circ ").replace("\\%", "%")
    text = _WORDS.sub(lambda m: _AS_TEXT.get(m.lastgroup or "", " "), text)
    text = _SPACING.sub(" ", text).replace("\\{", "{").replace("\\}", "}")
    return text if "\\" in text.replace("\\$", "") else text.replace("{", "").replace("}", "")


def _currency(match: re.Match[str]) -> str:
    """Nothing before a number; a space after a digit, so that `5$7` does not become 57."""
    return " " if match.string[max(0, match.start() - 1) : match.start()].isdigit() else ""
