"""Where segments of one's own stand in a text. Pure and linear in its length.

An opener counts at the start of a line; that of a tag directly behind the closer of another segment, too. A segment
with a closer reaches to it, whatever opens before. Without one, or where it never comes, it ends where another segment
begins. Nothing counts before `floor`, where the thoughts end. An `answer` that a tag opens is found here, too, so that
a whole solution may stand in it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from cotspec.cot.openers import MARKUP, compile_openers, line_start, line_starts
from cotspec.spec.payload import Form, SegmentFormat, TraceFormat

_BLANK: Final = re.compile(r"\s*+")
_AROUND: Final = MARKUP + "\r\n.,;:!?()[]{}\"'$\\"
"""What may stand around the word that is a label."""
_LAST_WORD: Final = re.compile(r"[^\s{]{0,80}\Z")


class OwnSegment(NamedTuple):
    """text[start:end] with its opener and closer; what it says begins at `body`."""

    kind: str
    start: int
    body: int
    end: int
    closes: str
    """The closer that it has, or ""."""


@lru_cache(maxsize=64)
def graded(form: Form) -> tuple[str, ...]:
    """The segments whose answer can be graded."""
    return tuple(each.name for each in form if each.grade)


def verdict(body: str, label: tuple[str, ...]) -> str:
    """The label that a segment ends with, "" without: its last word, in the spelling of the label, without markup and
    punctuation around it."""
    word = _LAST_WORD.search(body.rstrip(_AROUND))
    said = word.group().strip(_AROUND) if word else ""
    return said if said in label else ""


class _Own(NamedTuple):
    given: SegmentFormat
    opener: re.Pattern[str]
    """The opener at the start of a line."""
    tag: re.Pattern[str] | None
    """The opener as a tag, which also counts directly behind the closer of another segment."""
    closer: re.Pattern[str] | None


@lru_cache(maxsize=64)
def _compiled(form: Form) -> tuple[_Own, ...]:
    return tuple(_own(each) for each in form if _is_own(each))


def _is_own(given: SegmentFormat) -> bool:
    return given.name not in ("thinking", "step", "answer") or (given.name == "answer" and bool(given.closes))


def _own(given: SegmentFormat) -> _Own:
    tag = re.compile(re.escape(given.opens.strip()), re.IGNORECASE) if given.opens.strip().startswith("<") else None
    closer = re.compile(re.escape(given.closes), re.IGNORECASE) if given.closes else None
    return _Own(given, line_start(given.opens), tag, closer)


def own_segments(text: str, fmt: TraceFormat, floor: int) -> Iterator[OwnSegment]:
    """The segments of one's own in a text, from left to right; none overlap."""
    every = _compiled(fmt.form)
    opened = sorted((start, end, at) for at, own in enumerate(every) for start, end, _ in line_starts(own.opener, text))
    starts = [start for start, _, _ in opened]
    usual: list[int] | None = None
    missing: set[int] = set()
    at, behind = floor, floor > 0
    while (opening := _next(text, every, opened, starts, at, behind=behind)) is not None:
        start, body, number = opening
        own = every[number]
        closed = own.closer.search(text, body) if own.closer and number not in missing else None
        if closed is None:
            missing.add(number)
            usual = _usual_starts(text, fmt) if usual is None else usual
            end = min(_first(starts, body), _first(usual, body), len(text))
        else:
            end = closed.end()
        yield OwnSegment(own.given.name, start, body, end, own.given.closes if closed else "")
        at, behind = end, closed is not None


def _next(
    text: str, every: tuple[_Own, ...], opened: list[tuple[int, int, int]], starts: list[int], at: int, *, behind: bool
) -> tuple[int, int, int] | None:
    """The next opener: its start, its end and whose it is."""
    if behind:
        blank = _BLANK.match(text, at)
        place = blank.end() if blank else at
        for number, own in enumerate(every):
            if own.tag is not None and (match := own.tag.match(text, place)):
                return place, match.end(), number
    place = bisect_left(starts, at)
    return opened[place] if place < len(opened) else None


def _usual_starts(text: str, fmt: TraceFormat) -> list[int]:
    """Where lines begin with the opener of a step or of an answer."""
    openers = compile_openers(fmt.thinking, fmt.step, fmt.answer)
    return sorted(start for kind in (openers.step, openers.line) for start, _, _ in line_starts(kind, text))


def _first(starts: list[int], at: int) -> int:
    """The first start at or after a place; beyond any text where there is none."""
    place = bisect_left(starts, at)
    return starts[place] if place < len(starts) else 1 << 62
