"""Where segments of a trace can begin: the openers of a TraceFormat as patterns, tolerant of markdown around them.

Knows nothing of what a segment is for. Every pattern is linear: repeats are possessive or bounded, and none can match
the empty string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

THINK, THINK_ENDS = "<think>", "</think>"
"""Around the thoughts of reasoning models; a chat template may write the first."""
MARKUP = " \t>#*_`~-"
"""What markdown puts before a heading, a quote, a list item or emphasis."""
_AHEAD = rf"[{re.escape(MARKUP)}]*+"
_EMPHASIS = r"[*_`]*+"
_LINE_END = r"[ \t]*+(?=\r?$)"
_TAIL = ":：.…)-–— \t"

# Patterns begin with a literal, which the engine finds quickly; what may stand before it is looked up afterwards.
_PHRASE = re.compile(r"nswer\s(?:is|should\sbe|would\sbe|must\sbe)(?=[^\n.]{0,24}?[0-9])")
_PHRASE_LEAD = re.compile(
    r"(?<!\w)(?:(?:so|thus|therefore|hence),?\s{1,3})?the\s(?:final\s|correct\s)?a\Z", re.IGNORECASE
)
_FINAL = re.compile(r"(?<!\w)Final\s{1,8}\Z")
_LOOK_BACK = 40
_FIRST_LINE = 400
"""The first line has no break before it; an opener fits into this many characters of it."""
_NEVER = re.compile(r"(?!)")
_BOXED = re.compile(r"\\(?:boxed|fbox)\s{0,4}(?=\{)")
_WIDE = {":": "[:：]", ")": "[)）]", "(": "[(（]", ".": "[.．。]", ",": "[,，]"}
"""Punctuation that models also write in its full-width form."""

MarkKind = Literal["line", "inline", "phrase", "boxed"]
KINDS: tuple[MarkKind, ...] = ("line", "inline", "phrase", "boxed")
"""Kinds of marks, the clearest first."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place where an answer is given. `start` includes markup before it, `end` is where its content begins.

    `line`: the opener begins a line. `inline`: the opener, with its punctuation, further right. `phrase`: "Final
    Answer" without punctuation, or "the answer is 5". `boxed`: a LaTeX box.
    """

    start: int
    end: int
    kind: MarkKind


@dataclass(frozen=True, slots=True)
class Openers:
    """Compiled openers. `thinking`, `step` and `line` also match the line break before them (see `at_line_starts`)."""

    thinking: re.Pattern[str]
    thinking_ends: str
    step: re.Pattern[str]
    """The number is group 1 when `numbered`."""
    numbered: bool
    line: re.Pattern[str]
    inline: re.Pattern[str]
    word: re.Pattern[str]
    """The answer opener's words alone; matches nothing when it has none."""
    step_ends: str
    answer_ends: str
    """What closes a step or an answer: `</answer>` where the opener is `<answer>`, else ""."""


@lru_cache(maxsize=64)
def compile_openers(thinking: str, step: str, answer: str) -> Openers:
    """Patterns of three openers. What a `<tag>` opens ends at `</tag>`."""
    base, _ = _split(answer)
    worded = base[:1].isalnum()
    lead = r"(?:the[ \t]{1,4})?(?:final[ \t]{1,4})?" if worded else ""
    return Openers(
        thinking=_line_start(_opener(thinking)),
        thinking_ends=closer(thinking),
        step=_line_start(_step(step)),
        numbered="{n}" in step,
        line=_line_start(_opener(answer, lead)),
        inline=re.compile(_core(answer)),
        word=re.compile(rf"{_spaced(base)}(?!\w)") if worded else _NEVER,
        step_ends=closer(step),
        answer_ends=closer(answer),
    )


def line_start(opener: str) -> re.Pattern[str]:
    """A segment's opener at the start of a line."""
    return _line_start(_opener(opener))


def closer(opener: str) -> str:
    """`</answer>` for `<answer>`: what ends a segment whose opener is a tag; "" for any other opener."""
    tag = re.fullmatch(r"<(\w+)(?:[ \t][^<>]*)?>", opener.strip())
    return f"</{tag[1]}>" if tag else ""


def thoughts_end(text: str, openers: Openers) -> tuple[int, str]:
    """Where the last closer of thoughts begins, and which it is: `</think>` whatever the format; (-1, "") without."""
    closers = {openers.thinking_ends, THINK_ENDS} - {""}
    return max(((text.rfind(closer), closer) for closer in closers if closer in text), default=(-1, ""))


def line_starts(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int, str]]:
    """(start of the line, end of the opener, number or "") of every line that begins with an opener."""
    head = pattern.match("\n" + text[:_FIRST_LINE])
    if head:
        yield 0, head.end() - 1, head.group(head.re.groups)
    for match in pattern.finditer(text):
        yield match.start() + 1, match.end(), match.group(match.re.groups)


def begins(opener: re.Pattern[str], text: str) -> bool:
    """Whether a line of a text begins with an opener; of one line, whether it does."""
    return next(line_starts(opener, text), None) is not None


def marks(text: str, openers: Openers) -> list[Mark]:
    """Every place where an answer is given, from left to right."""
    places = [Mark(start, end, "line") for start, end, _ in line_starts(openers.line, text)]
    places += [Mark(_before(text, _final(text, m.start())), m.end(), "inline") for m in _inline(text, openers)]
    for match in openers.word.finditer(text):
        start = _final(text, match.start())
        if start < match.start():
            places.append(Mark(_before(text, start), match.end(), "phrase"))
    for match in _PHRASE.finditer(text):
        lead = _PHRASE_LEAD.search(text, max(0, match.start() - _LOOK_BACK), match.start())
        if lead:
            places.append(Mark(_before(text, lead.start()), match.end(), "phrase"))
    places += [Mark(_before_box(text, m.start()), m.start(), "boxed") for m in _BOXED.finditer(text)]
    return sorted(places, key=_order)


def _inline(text: str, openers: Openers) -> Iterator[re.Match[str]]:
    """Openers inside lines, none of them the tail of a longer word."""
    for match in openers.inline.finditer(text):
        before = text[max(0, match.start() - 1) : match.start()]
        if not (match.group()[0].isalnum() and before.isalnum()):
            yield match


def _order(mark: Mark) -> tuple[int, int]:
    return mark.start, KINDS.index(mark.kind)


def _final(text: str, start: int) -> int:
    """`start` moved left over "Final"."""
    lead = _FINAL.search(text, max(0, start - _LOOK_BACK), start)
    return lead.start() if lead else start


def _line_start(opener: str) -> re.Pattern[str]:
    return re.compile(rf"\n{opener}", re.MULTILINE | re.IGNORECASE)


def _split(opener: str) -> tuple[str, str]:
    """An opener without markup, as its words and its closing punctuation; an opener of nothing else stays whole."""
    bare = opener.lstrip(MARKUP + "\n").rstrip("*_`~ \t\n")
    if not any(c.isalnum() for c in bare):
        return opener.strip(), ""
    words = bare.rstrip(_TAIL)
    return words, bare[len(words) :].strip()


def _spaced(words: str) -> str:
    return r"[ \t]{1,4}".join(re.escape(word) for word in words.split())


def _closing(tail: str) -> str:
    """Closing punctuation in either width."""
    return "".join(_WIDE.get(c, re.escape(c)) for c in tail)


def _core(opener: str) -> str:
    words, tail = _split(opener)
    closing = r"(?:…|\.{3})" if tail == "…" else _closing(tail)
    return rf"{_spaced(words)}{_EMPHASIS}[ \t]?{closing}{_EMPHASIS}" if tail else rf"{_spaced(words)}"


def _opener(opener: str, lead: str = "") -> str:
    words, tail = _split(opener)
    if not any(c.isalnum() for c in words):
        return rf"[ \t]*+{_spaced(words)}"
    heading = rf"{_spaced(words)}{_EMPHASIS}{_LINE_END}"
    return rf"{_AHEAD}{lead}(?:{_core(opener)}|{heading})" if tail else rf"{_AHEAD}{lead}{_core(opener)}{_EMPHASIS}"


def _step(opener: str) -> str:
    before, hole, after = opener.partition("{n}")
    if not hole:
        return _opener(opener)
    head = before.lstrip(MARKUP)
    ahead = _AHEAD if head or not before.strip() else rf"[ \t]*+{re.escape(before.strip())}[ \t]*+"
    space = r"[ \t]{1,4}" if head != head.rstrip() else ""
    tail = after.strip().rstrip("*_`")
    number = r"([0-9]{1,6})(?![0-9])"
    if not tail:
        return rf"{ahead}{_spaced(head)}{space}{number}{_EMPHASIS}"
    if not head:  # `1.` must not take the 1 of 1.5, and a line that is just a number is no heading
        return rf"{ahead}{number}{_EMPHASIS}[ \t]?{_closing(tail)}(?![0-9]){_EMPHASIS}"
    closing = rf"{_EMPHASIS}(?:[ \t]?{_closing(tail)}{_EMPHASIS}|{_LINE_END})"
    return rf"{ahead}{_spaced(head)}{space}{number}{closing}"


def _before(text: str, start: int) -> int:
    """`start` moved left over markup on the same line (`--- Answer`, `**Answer`), never over the space before that."""
    edge = start
    while edge > 0 and start - edge < 16 and text[edge - 1] in MARKUP:
        if text[edge - 1] == ">" and text[max(0, edge - 2) : edge - 1].isalnum():
            break  # a tag's (`</think>Answer: 4`)
        edge -= 1
    while edge < start and text[edge] in " \t":
        edge += 1
    return edge


def _before_box(text: str, start: int) -> int:
    """`start` moved left over what opens the formula or names the currency."""
    opening = re.search(r"(?:\\\[|\\\(|\$\$?|\\\$)\s{0,4}\Z", text[max(0, start - 8) : start])
    return start - len(opening.group()) if opening else start
