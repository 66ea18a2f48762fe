r"""What a leak is (docs/decisions/0009), said once more and naively: slow, one character at a time, no code of the
guard, which the tests judge by it. It knows the announcements of an answer that the tests draw, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cotspec.cot.segment import Trace

CLOSING = ".,;:!?"
#: Announcements of an answer that the tests draw, in whatever case, and in this case alone.
ANNOUNCING = ("answer is", "answer:")
LITERAL = ("\\boxed", "####", "Final Answer")
BARE_NUMBER = re.compile(r"[-+]?[0-9]+(,[0-9]{3})*([.][0-9]+)?")


def plain(text: str) -> str:
    """Lower case, every run of blanks one space, none at the ends."""
    kept: list[str] = []
    for character in text.lower():
        if not character.isspace():
            kept.append(character)
        elif kept and kept[-1] != " ":
            kept.append(" ")
    return "".join(kept).strip()


def stands(asked: str, shown: str) -> bool:
    """Whether the words of `asked`, without what closes it, stand in `shown`."""
    wanted = plain(asked)
    while wanted and (wanted[-1] in CLOSING or wanted[-1] == " "):
        wanted = wanted[:-1]
    return whole_words(wanted, plain(shown))


def whole_words(wanted: str, text: str) -> bool:
    """Whether `wanted` stands somewhere in `text` and begins and ends no word in its middle: every place is tried."""
    for place in range(len(text)):
        if not wanted or text[place : place + len(wanted)] != wanted:
            continue
        before, after = text[:place][-1:], text[place + len(wanted) :][:1]
        if not _one_word(before, wanted[0]) and not _one_word(wanted[-1], after):
            return True
    return False


def _one_word(left: str, right: str) -> bool:
    """Whether two neighbouring characters ("" at the end of the text) belong to one word or number."""
    return all(side != "" and (side.isalnum() or side == "_") for side in (left, right))


def announced(shown: str) -> bool:
    """Whether `shown` announces an answer, whatever its value."""
    literal = any(whole_words(mark, shown) for mark in LITERAL)
    return literal or any(whole_words(mark, plain(shown)) for mark in ANNOUNCING)


def kinds(shown: str, trace: Trace, hidden: Iterable[tuple[int, int]]) -> set[str]:
    """The kinds of leak in `shown`; `hidden` are spans of the trace's text."""
    found = {"statement"} if announced(shown) else set()
    for answer in trace.segments:
        whole, said = trace.text[answer.start : answer.end], trace.text[answer.body_start : answer.body_end]
        if answer.kind == "answer" and (stands(whole, shown) or (len(said.split()) >= 4 and stands(said, shown))):
            found.add("answer")
    bodies = [(step.body_start, step.body_end) for step in trace.steps]
    for span in hidden:
        unit = trace.text[slice(*span)].strip()
        if (span in bodies or not BARE_NUMBER.fullmatch(unit)) and stands(unit, shown):
            found.add("repeat")
    return found
