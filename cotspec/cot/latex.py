"""LaTeX, markdown and typography of an answer turned into plain text. Knows nothing of numbers' values.

Linear in the length of the text: repeats are possessive or stop at the next brace.
"""

from __future__ import annotations

import re

_TYPOGRAPHY = {
    **dict.fromkeys(map(ord, "−‒–—﹣－"), "-"),
    **dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f\u200a\u2002\u2003"), "\u2009"),
    **{ord("０") + i: str(i) for i in range(10)},
    ord("⁄"): "/",
    ord("∕"): "/",
    ord("％"): "%",
    ord("，"): ",",
    ord("．"): ".",
    ord("·"): "×",
    ord("≈"): "=",
    ord("²"): "^2",
    ord("³"): "^3",
    ord("°"): " degrees ",
    ord("\u200b"): "",
}
_VULGAR = {"½": " 1/2", "⅓": " 1/3", "⅔": " 2/3", "¼": " 1/4", "¾": " 3/4", "⅕": " 1/5", "⅛": " 1/8"}
_TABLE = str.maketrans({**{chr(k): v for k, v in _TYPOGRAPHY.items()}, **_VULGAR})

_THOUSANDS = re.compile(r"(?<=[0-9])(?:\\[,;! ]|\{,\}|,\\!|\u2009)(?=[0-9]{3}(?![0-9]))")
_FRACTION = re.compile(r"\\[dtc]?frac\s{0,4}\{\s{0,4}([-+]?[0-9.,]+)\s{0,4}\}\s{0,4}\{\s{0,4}([0-9.,]+)\s{0,4}\}")
_SHORT_FRACTION = re.compile(r"\\[dtc]?frac\s{0,4}([0-9])\s{0,4}([0-9])")
_TEXT = re.compile(r"\\(?:text(?:bf|it|rm|tt)?|math(?:rm|bf|it|sf)|mbox|operatorname|mathit)\s{0,4}\{([^{}]*+)\}")
_WORDS = re.compile(
    r"\\(?:(?P<times>times|cdot)|(?P<div>div)|(?P<approx>approx)|(?P<degrees>degrees?|circ)|(?P<currency>pounds|euro)"
    r"|left|right|displaystyle|quad|qquad)(?![A-Za-z])"
)
_AS_TEXT = {"times": "×", "div": "÷", "approx": "=", "degrees": " degrees ", "currency": "$"}
_SPACING = re.compile(r"\\[,;:! ()\[\]]|~|\u2009")
_CURRENCY = re.compile(r"(?<![A-Za-z])(?:US|AU|CA|HK|NZ)?\\?[$€£¥₹]")
_BOX = re.compile(r"\\f?boxed\s{0,4}\{")


def plain(text: str) -> str:
    """Plain text of an answer: `\\frac{3}{4}` is `3/4`, `1,\\!750 \\text{ ml}` is `1,750 ml`, `-\\$5` is `-5`."""
    text = text if text.isascii() else text.translate(_TABLE)
    if "\\" in text or "{" in text or "\u2009" in text:
        text = _commands(text)
    if any(sign in text for sign in "$€£¥₹"):
        text = _CURRENCY.sub(_currency, text)
    if "**" in text or "`" in text or "__" in text:
        text = text.replace("**", " ").replace("__", " ").replace("`", " ")
    return text.strip(" \t\r\n*_")


def boxed(text: str) -> tuple[str, bool] | None:
    """What the last `\\boxed{}` holds, and whether a digit or letter is glued to its end; None without one."""
    boxes = list(_BOX.finditer(text))
    if not boxes:
        return None
    last = boxes[-1]
    depth = 1
    for brace in re.compile(r"\\?[{}]").finditer(text, last.end()):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if not depth:
            after = text[brace.end() : brace.end() + 2]
            return text[last.end() : brace.start()], bool(re.match(r"\.?[0-9]|[A-Za-z]", after))
    return text[last.end() :], False


def _commands(text: str) -> str:
    text = _THOUSANDS.sub(lambda m: "," if "," in m.group() and "\\," not in m.group() else "", text)
    text = _TEXT.sub(r" \1 ", _TEXT.sub(r" \1 ", text))
    text = _FRACTION.sub(r" \1/\2 ", _SHORT_FRACTION.sub(r" \1/\2 ", text))
    text = text.replace("^{\\circ}", "\\circ ").replace("^\\circ", "\\circ ").replace("\\%", "%")
    text = _WORDS.sub(lambda m: _AS_TEXT.get(m.lastgroup or "", " "), text)
    text = _SPACING.sub(" ", text)
    return text if "\\" in text.replace("\\$", "") else text.replace("{", "").replace("}", "")


def _currency(match: re.Match[str]) -> str:
    """Nothing before a number; a space after a digit, so that `5$7` does not become 57."""
    return " " if match.string[max(0, match.start() - 1) : match.start()].isdigit() else ""
