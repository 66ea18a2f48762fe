"""Cuts a response or a teacher's trace into preamble, thinking, steps and answers that tile it exactly.

Pure and linear in the length of the text; knows nothing of right and wrong. The rules, decided on real traces:

1. A step begins where a *line* begins with its opener, markup allowed (`**Step 1:**`, `### Step 1`). "Step 1" inside a
   line is prose.
2. Before the first step is thinking (from its opener on) and preamble. An answer opener there is a draft and stays.
   With a thinking opener, step lines whose numbering restarts at 1 before any answer was given are thoughts too.
3. A step ends at the next step line or where an answer is given: the opener at the start of a line or, as teachers
   write it, on the step's own line (`… = 10 \\] Answer: 10`); "Final Answer"; "the answer is 10"; in the last step
   also a `\\boxed{}`. From there to the end of the step's block is an answer segment, so no step holds an answer. A
   step that is nothing but an answer (`Step 4: Final Answer: 8`) is one.
4. `Trace.answer` is the last answer segment; its body is what follows the last opener in it with anything after it.
5. Without steps the last answer line counts, then the last inline opener, phrase or box; in thinking only an
   answer line, a box, or an opener on the very last line, because thoughts talk of answers. Boxes beside each other
   (`\\boxed{1} and \\boxed{2}`) are one answer.
   Thoughts end at `</think>`, whatever opens them: nothing before it is a step or an answer, and without an opener they
   begin with the text (a chat template has opened them). A text that opens them with a tag and never closes them is
   thoughts and nothing else: what was cut off in them has no answer, whatever they try out.
6. What a tag opens (`<answer>`) says what stands before its closer (`</answer>`): the answer alone, or a text that
   gives it (`cotspec.cot.answers`).
7. Segments of one's own (`cotspec.cot.own_segments`) are cut out first; rules 1 to 6 are those of the text between
   them. The answer that counts is then the last answer or graded segment.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from cotspec.cot.latex import box_run
from cotspec.cot.openers import (
    KINDS,
    MARKUP,
    THINK,
    Mark,
    Openers,
    begins,
    compile_openers,
    line_starts,
    marks,
    thoughts_end,
)
from cotspec.cot.own_segments import graded, own_segments, verdict
from cotspec.spec.payload import Form, TraceFormat

_VISIBLE = re.compile(r"\S")

SegmentKind = str
"""`preamble` (free text), `thinking`, `step`, `answer`, or the name of a segment of one's own."""


@dataclass(frozen=True, slots=True)
class Segment:
    """text[start:end] with its opener and the space after it; text[body_start:body_end] is what it says.

    `number` is a step's number as written, 0 elsewhere. `opened` is false for an answer that was given without the
    format's opener (a phrase or a box).
    """

    kind: SegmentKind
    start: int
    end: int
    body_start: int
    body_end: int
    number: int = 0
    opened: bool = True


@dataclass(frozen=True, slots=True)
class Trace:
    """A text and the segments that tile it; its format."""

    text: str
    segments: tuple[Segment, ...]
    format: TraceFormat | None = None

    @property
    def steps(self) -> tuple[Segment, ...]:
        """The steps in order of the text."""
        return tuple(s for s in self.segments if s.kind == "step")

    @property
    def thinking(self) -> Segment | None:
        """The thinking segment, if there is one."""
        return next((s for s in self.segments if s.kind == "thinking"), None)

    @property
    def answer(self) -> Segment | None:
        """The last answer or graded segment, the one that counts; earlier ones are left in `segments`."""
        kinds = ("answer", *graded(self.form))
        return next((s for s in reversed(self.segments) if s.kind in kinds), None)

    @property
    def form(self) -> Form:
        """The form of its format."""
        return self.format.form if self.format else ()

    def last(self, kind: SegmentKind) -> Segment | None:
        """The last segment of a kind."""
        return next((s for s in reversed(self.segments) if s.kind == kind), None)

    def label(self, segment: Segment) -> str:
        """The label that a segment of one's own ends with; "" without."""
        own = next((each for each in self.form if each.name == segment.kind and each.label), None)
        return verdict(self.body(segment), own.label) if own else ""

    def body(self, segment: Segment) -> str:
        """What a segment says, without opener and outer space."""
        return self.text[segment.body_start : segment.body_end]


class _Cut(NamedTuple):
    kind: SegmentKind
    start: int
    body: int
    number: int = 0
    opened: bool = True


class _Step(NamedTuple):
    start: int
    body: int
    number: int


def segment(text: str, fmt: TraceFormat) -> Trace:
    """Tile a text: the segments joined give it back. An empty text has none. O(len(text))."""
    if not fmt.form:
        return Trace(text, _usual(text, fmt), fmt)
    openers = compile_openers(fmt.thinking, fmt.step, fmt.answer)
    floor, closer = thoughts_end(text, openers)
    closed = floor + len(closer) if closer else 0
    own = () if floor < 0 and _never_closed(text, openers) else own_segments(text, fmt, closed)
    segments: list[Segment] = []
    at = 0
    for piece in own:
        segments += _between(text, at, piece.start, segments, fmt)
        segments.append(_segment(text, _Cut(piece.kind, piece.start, piece.body), piece.end, piece.closes))
        at = piece.end
    segments += _between(text, at, len(text), segments, fmt)
    return Trace(text, tuple(segments), fmt)


def _between(text: str, start: int, end: int, before: list[Segment], fmt: TraceFormat) -> list[Segment]:
    """The segments of a part between two of one's own; blank space belongs to what stands before it."""
    if before and not _says(text, start, end):
        before[-1] = replace(before[-1], end=end)
        return []
    return [
        replace(
            one,
            start=one.start + start,
            end=one.end + start,
            body_start=one.body_start + start,
            body_end=one.body_end + start,
        )
        for one in _usual(text[start:end], fmt)
    ]


def _usual(text: str, fmt: TraceFormat) -> tuple[Segment, ...]:
    """The segments of a text by the rules 1 to 6."""
    openers = compile_openers(fmt.thinking, fmt.step, fmt.answer)
    floor, _ = thoughts_end(text, openers)
    if floor < 0 and _never_closed(text, openers):
        return _tile(text, _head(_thinking(text, openers, end=len(text), closed=True), len(text)), {})
    answers = [mark for mark in marks(text, openers) if mark.start >= floor]
    steps = [step for step in _steps(text, openers) if step.start >= floor]
    thinking = _thinking(text, openers, end=steps[0].start if steps else len(text), closed=floor >= 0)
    if thinking and steps:
        steps = _last_run(steps, answers)
    cuts = _head(thinking, steps[0].start if steps else len(text))
    cuts += _blocks(text, steps, answers) if steps else _lone_answer(text, answers, _open_thoughts(thinking, floor))
    return _tile(text, cuts, {"step": openers.step_ends, "answer": openers.answer_ends})


def _thinking(text: str, openers: Openers, *, end: int, closed: bool) -> tuple[int, int] | None:
    """Where thoughts begin, and what they say; with the text, when they are closed and nothing opens them."""
    opened = next(line_starts(openers.thinking, text), None)
    if opened and opened[0] < end:
        return opened[:2]
    return (0, 0) if closed and end else None


def _never_closed(text: str, openers: Openers) -> bool:
    """Whether a text without a closer begins with thoughts that a tag opens: the format's own, or `<think>`."""
    begun = text.lstrip()
    return begun.startswith(THINK) or bool(openers.thinking_ends and begins(openers.thinking, begun))


def _open_thoughts(thinking: tuple[int, int] | None, floor: int) -> int:
    """Where thoughts begin that nothing has closed; -1 without."""
    return thinking[0] if thinking and thinking[0] > floor else -1


def _steps(text: str, openers: Openers) -> list[_Step]:
    starts = enumerate(line_starts(openers.step, text), 1)
    return [_Step(start, end, int(number) if openers.numbered else i) for i, (start, end, number) in starts]


def _last_run(steps: Sequence[_Step], answers: Sequence[Mark]) -> list[_Step]:
    given = [mark.start for mark in answers if mark.kind in ("line", "inline")]
    begin = 0
    for i in range(1, len(steps)):
        answered = bisect_left(given, steps[begin].start) < bisect_left(given, steps[i].start)
        if steps[i].number == 1 and not answered:
            begin = i
    return list(steps[begin:])


def _head(thinking: tuple[int, int] | None, first: int) -> list[_Cut]:
    if thinking is None:
        return [_Cut("preamble", 0, 0)] if first else []
    before = [_Cut("preamble", 0, 0)] if thinking[0] else []
    return [*before, _Cut("thinking", *thinking)]


def _blocks(text: str, steps: Sequence[_Step], answers: Sequence[Mark]) -> list[_Cut]:
    cuts: list[_Cut] = []
    starts = [mark.start for mark in answers]
    for i, step in enumerate(steps):
        last = i + 1 == len(steps)
        end = len(text) if last else steps[i + 1].start
        inside = answers[bisect_left(starts, step.start) : bisect_left(starts, end)]
        given = [mark for mark in inside if mark.start >= step.body and (last or mark.kind != "boxed")]
        if not given:
            cuts.append(_Cut("step", *step))
        elif not text[step.body : given[0].start].strip(MARKUP) and text[given[0].start - 1] != "\n":
            cuts.append(_answer(text, given, end)._replace(start=step.start))
        else:
            cuts += [_Cut("step", *step), _answer(text, given, end)]
    return cuts


def _answer(text: str, given: Sequence[Mark], end: int) -> _Cut:
    """The answer that begins at the first mark; its body follows the last opener with anything after it."""
    lines = [mark for mark in given if mark.kind == "line"]
    opened = lines or [mark for mark in given if mark.kind == "inline"]
    filled = next((mark for mark in reversed(opened) if _says(text, mark.end, end)), None)
    best = filled or (opened[-1] if opened else given[0])
    return _Cut("answer", given[0].start, best.end, opened=bool(opened))


def _says(text: str, start: int, end: int) -> bool:
    """Whether anything but blank space stands in text[start:end], without copying it."""
    return _VISIBLE.search(text, start, end) is not None


def _lone_answer(text: str, answers: Sequence[Mark], thinking: int) -> list[_Cut]:
    """The answer of a text without steps; `thinking` is where thoughts begin, -1 without any."""
    last_line = text.rstrip().rfind("\n") + 1
    free = [m for m in answers if thinking < 0 or m.kind in ("line", "boxed") or m.start >= last_line]
    allowed = [m for m in free if m.start >= thinking]
    for kind in KINDS:
        of_kind = [mark for mark in allowed if mark.kind == kind]
        if of_kind:
            filled = [mark for mark in of_kind if _says(text, mark.end, len(text))]
            chosen = (filled or of_kind)[-1:]
            if kind == "boxed":
                first = box_run(text)[0].start
                chosen = [mark for mark in of_kind if mark.end >= first][:1]
            return [_answer(text, chosen, len(text))]
    return []


def _tile(text: str, cuts: Sequence[_Cut], closers: Mapping[SegmentKind, str]) -> tuple[Segment, ...]:
    ends = [*(cut.start for cut in cuts[1:]), len(text)][: len(cuts)]
    pairs = zip(cuts, ends, strict=True)
    return tuple(_segment(text, cut, end, closers.get(cut.kind, "")) for cut, end in pairs if end > cut.start)


def _segment(text: str, cut: _Cut, end: int, closer: str) -> Segment:
    begin = min(cut.body, end)
    closed = re.compile(re.escape(closer), re.IGNORECASE).search(text, begin, end) if closer else None
    inner = text[begin : closed.start() if closed else end]
    body_start = begin + len(inner) - len(inner.lstrip())
    body_end = body_start + len(inner.strip())
    return Segment(cut.kind, cut.start, end, body_start, body_end, cut.number, cut.opened)
