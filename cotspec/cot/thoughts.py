"""A teacher's own thoughts → the thinking of a spec's format. Pure.

A reasoning model thinks between `<think>` and `</think>`, and its chat template may have opened them, so that its text
begins in the middle. In a trace they begin as the format says; its tags are no part of a trace unless they are the
format's own.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from cotspec.cot.openers import THINK, THINK_ENDS, compile_openers, line_starts, thoughts_end
from cotspec.cot.segment import Trace, segment
from cotspec.spec.payload import TraceFormat


class Fitted(NamedTuple):
    """A text, and what was done to its thoughts: nothing, opened as the format says, or left out."""

    text: str
    thoughts: Literal["", "renamed", "left_out"]


def reopened(text: str, *, thinking: bool) -> str:
    """A completion whose prompt left `<think>` open (`thinking`): with that opener in front where nothing closes it, so
    that whoever reads the text alone takes what was cut off in thoughts for thoughts."""
    return f"{THINK}{text}" if thinking and THINK_ENDS not in text else text


def fit(text: str, fmt: TraceFormat) -> Fitted:
    """The text with its closed thoughts in the format's own words.

    They are left out where nothing is in them, where the text goes on with thinking of the format's own, and where what
    is in them would be taken for steps or an answer.
    """
    openers = compile_openers(fmt.thinking, fmt.step, fmt.answer)
    start, closer = thoughts_end(text, openers)
    if start < 0:
        return Fitted(text, "")
    opener = fmt.thinking.strip()
    if closer == openers.thinking_ends and text.lstrip().startswith(opener):
        return Fitted(text, "")
    rest = text[start + len(closer) :].lstrip()
    thoughts = text[:start].strip().removeprefix(opener).removeprefix(THINK).strip()
    begun = next(line_starts(openers.thinking, rest), None) is not None
    if not thoughts or begun or THINK in thoughts or thoughts_end(thoughts, openers)[0] >= 0:
        return Fitted(rest, "left_out")
    closing = f"\n{openers.thinking_ends}" if openers.thinking_ends else ""
    whole = f"{fmt.thinking}\n{thoughts}{closing}\n\n{rest}"
    if _says(segment(whole, fmt)) != _says(segment(rest, fmt)):
        return Fitted(rest, "left_out")
    return Fitted(whole, "renamed")


def _says(trace: Trace) -> list[str]:
    return [trace.body(part) for part in trace.segments if part.kind not in ("preamble", "thinking")]
