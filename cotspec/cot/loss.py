"""Loss spans: which characters of an SFT target are supervised.

Owns the meaning of `loss: […]`. Must not know tokens: the runtime maps spans to them.
"""

from __future__ import annotations

from collections.abc import Iterable

from cotspec.cot.mask import merged
from cotspec.cot.segment import Trace
from cotspec.cot.units import Span


def supervise(trace: Trace, loss_on: Iterable[str], *, hidden: Iterable[Span]) -> tuple[Span, ...]:
    """Spans of the target (the trace without its last blanks) that carry loss, openers included; sorted, not touching.

    `thinking` is all free text before the first step, opened or not. `masked` is what the prompt hides: a step hidden
    as a whole with its opener. An empty result supervises nothing.
    """
    segments = {
        "thinking": [(s.start, s.end) for s in trace.segments if s.kind in ("preamble", "thinking")],
        "step": [(s.start, s.end) for s in trace.steps],
        "masked": _with_openers(trace, hidden),
        "answer": [(s.start, s.end) for s in trace.segments if s.kind == "answer"],
    }
    length = len(trace.text.rstrip())
    spans = merged(span for name in loss_on for span in segments[name])
    return tuple((start, min(end, length)) for start, end in spans if start < length)


def _with_openers(trace: Trace, hidden: Iterable[Span]) -> list[Span]:
    whole = {(step.body_start, step.body_end): (step.start, step.end) for step in trace.steps}
    return [whole.get(span, span) for span in hidden]
