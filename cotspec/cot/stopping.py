"""Where a text ends that is still being written: at a literal text, or after the line that gives the answer.

Pure. What is found depends on the text alone, and in a longer text that begins the same it is the same: so it does not
matter how a text is cut into tokens, which engine writes it, or how far that went on.

A literal text is cut off. The answer's line stays and its line break goes. That line is the first one with the answer's
opener on it that says something after it (or the next line that does; an opener that is a tag is waited for until its
closer). Talk of answers in the thoughts does not count: they last from their opener to the first step line, and a
`<tag>` until its closer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cotspec.cot.openers import MARKUP, THINK, THINK_ENDS, Openers, begins, compile_openers, marks
from cotspec.spec.payload import Stop


class StopMatch(NamedTuple):
    """A stop: `text[:end]` is kept, and `text[:seen]` has to be there to know it."""

    seen: int
    end: int


def find(text: str, stop: Stop, *, thinking: bool = False) -> StopMatch | None:
    """The stop that is complete first. `thinking`: the text begins inside thoughts that only `</think>` ends."""
    stops = list(_literal(text, stop.texts))
    if stop.after and (line := _answer_line(text, stop, thinking=thinking)):
        stops.append(line)
    return min(stops, default=None)


def cut(text: str, stop: Stop, *, thinking: bool = False) -> str:
    """The text up to its stop."""
    stopped = find(text, stop, thinking=thinking)
    return text if stopped is None else text[: stopped.end]


def _literal(text: str, texts: tuple[str, ...]) -> Iterator[StopMatch]:
    for one in texts:
        at = text.find(one)
        if at >= 0:
            yield StopMatch(at + len(one), at)


def _answer_line(text: str, stop: Stop, *, thinking: bool) -> StopMatch | None:
    """The end of the answer's line, by the whole lines there are: the last one may still be growing."""
    fmt = stop.format
    openers = compile_openers(fmt.thinking, fmt.step, fmt.answer)
    thoughts, closer = _Thoughts(openers, tagged=thinking), openers.answer_ends.lower()
    at, opened = 0, False
    while (end := text.find("\n", at)) >= 0:
        rest = text[at:end] if opened else thoughts.answer(text[at:end])
        if rest is not None:
            opened = True
            if closer in rest.lower() if closer else rest.strip(MARKUP + "\r"):
                return StopMatch(end + 1, end - text[at:end].endswith("\r"))
        at = end + 1
    return None


class _Thoughts:
    """Reads lines in order and knows whether they are thoughts."""

    def __init__(self, openers: Openers, *, tagged: bool) -> None:
        self._openers = openers
        self._closers = {THINK_ENDS, openers.thinking_ends} - {""}
        self._tagged, self._free = tagged, False

    def answer(self, line: str) -> str | None:
        """What a line says after the answer's opener; None when there is no opener or the line is a thought."""
        closed = max(line.rfind(closer) + len(closer) if closer in line else 0 for closer in self._closers)
        if closed:
            self._tagged = self._free = False
        line = line[closed:]
        if begins(self._openers.thinking, line) or line.lstrip().startswith(THINK):
            self._tagged = bool(self._openers.thinking_ends) or line.lstrip().startswith(THINK)
            self._free = True
        elif not self._tagged and begins(self._openers.step, line):
            self._free = False
        if self._tagged or self._free:
            return None
        ends = [mark.end for mark in marks(line, self._openers) if mark.kind in ("line", "inline")]
        return line[ends[-1] :] if ends else None
