"""Corrupting a trace for a prompt: which units are hidden, the order of steps, and how it reads. How many units are
hidden is `hidden_count`.

Owns payload.Mask's meaning. Must not know of rows, epochs, prompts or leaks: its caller gives the random generator.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from cotspec.cot.hidden_count import hidden_count as hidden_count
from cotspec.cot.segment import Segment, Trace
from cotspec.cot.units import Span, units
from cotspec.spec import payload


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrupted:
    """What the prompt shows of a trace's steps."""

    shown: str
    """The steps as text: `Step k: …` in order, or `- …` lines that tell no order. No thinking, no answer."""
    hidden: tuple[Span, ...]
    """Spans of the trace's text that `shown` leaves out: sorted, not overlapping."""
    order: tuple[int, ...]
    """Indices of the steps (from 0) in the order shown."""
    units: int
    """Units there were to choose from; 0 in a row that is not masked."""


def corrupt(
    trace: Trace, rule: payload.Mask, *, opener: str, rng: random.Random, progress: float, shuffle: bool
) -> Corrupted:
    """Hide units of `trace` by `rule` and put the steps in order or at random.

    `opener` is TraceFormat.step (holds `{n}`), `progress` the place in the run (0 to 1, moves a ramped share), `rng`
    the only source of chance. Raises units.UnitError for a unit that cannot be found.
    """
    candidates = units(trace, rule.unit) if rng.random() < rule.rows else ()
    hidden = tuple(candidates[index] for index in choose(rule, len(candidates), rng=rng, progress=progress))
    order = list(range(len(trace.steps)))
    if shuffle:
        rng.shuffle(order)
    shown = show(trace, hidden, order=order, opener="" if shuffle else opener, placeholder=rule.placeholder)
    return Corrupted(shown=shown, hidden=hidden, order=tuple(order), units=len(candidates))


# --- how many and which -----------------------------------------------------------------------------------------------


def choose(rule: payload.Mask, n: int, *, rng: random.Random, progress: float) -> tuple[int, ...]:
    """Indices (from 0, sorted) of the hidden units among n."""
    count = hidden_count(rule, n, progress=progress)
    match rule.select:
        case "random" | "all":
            return tuple(sorted(rng.sample(range(n), count)))
        case "inner":
            return tuple(sorted(rng.sample(range(1, max(1, n - 1)), count)))
        case "scattered":
            return _scattered(n, count, rng)
        case "consecutive":
            start = rng.randint(0, n - count)
            return tuple(range(start, start + count))
        case "first":
            return tuple(range(count))
        case "last":
            return tuple(range(n - count, n))
        case _:
            assert_never(rule.select)


def _scattered(n: int, count: int, rng: random.Random) -> tuple[int, ...]:
    """No two neighbours while that is possible, each such choice equally likely; else runs as short and even as can be.

    The second case leaves little to chance: 3 of 4 are {0, 1, 3} or {0, 2, 3}.
    """
    if count <= (n + 1) // 2:  # choose in a row without the count − 1 gaps, then put the gaps back
        return tuple(index + at for at, index in enumerate(sorted(rng.sample(range(n - count + 1), count))))
    runs = n - count + 1  # one run of hidden units on each side of every visible one
    longer = set(rng.sample(range(runs), count % runs))
    hidden: list[int] = []
    at = 0
    for run in range(runs):
        length = count // runs + (run in longer)
        hidden.extend(range(at, at + length))
        at += length + 1
    return tuple(hidden)


# --- how it reads -----------------------------------------------------------------------------------------------------


def show(trace: Trace, hidden: Iterable[Span], *, order: Sequence[int], opener: str, placeholder: str) -> str:
    """The steps as a prompt shows them, `placeholder` in place of each hidden span (sorted, not overlapping).

    With `opener` (holds `{n}`) each step begins with its own number; with "" with a dash, and further lines of the same
    step are indented, so that every line tells which step it belongs to and none where that step belongs.
    """
    spans = tuple(hidden)
    lines = []
    for index in order:
        step = trace.steps[index]
        body = _without(trace.text, step, spans, placeholder)
        if opener:
            lines.append(f"{opener.replace('{n}', str(step.number))} {body}".rstrip())
        else:
            lines.append("- " + body.replace("\n", "\n  "))
    return "\n".join(lines)


def _without(text: str, step: Segment, hidden: Sequence[Span], placeholder: str) -> str:
    parts, at = [], step.body_start
    for start, end in hidden:
        if step.body_start <= start < step.body_end:
            parts += [text[at:start], placeholder]
            at = end
    return "".join((*parts, text[at : step.body_end]))


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same characters as sorted spans that neither overlap nor touch."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        elif start < end:
            result.append((start, end))
    return tuple(result)
