"""Loss spans: which characters of a target, or of a completion, carry loss.

Owns the meaning of `loss: […]`. Must not know tokens: the runtime maps spans to them.
"""

from __future__ import annotations

from collections.abc import Iterable

from cotspec.cot.mask import merged
from cotspec.cot.segment import Trace
from cotspec.cot.units import Span


def supervise(trace: Trace, loss_on: Iterable[str], *, hidden: Iterable[Span]) -> tuple[Span, ...]:
    """Spans of the target (the trace without its last blanks) that carry loss, openers included; sorted, not touching.

    `thinking` is all free text before the first step or between other segments, opened or not. `masked` is what the
    prompt hides: a step hidden as a whole with its opener. Any other name is that of the segments of one kind. An empty
    result supervises nothing.
    """
    names = set(loss_on)
    found = [*carried(trace, names), *(_with_openers(trace, hidden) if "masked" in names else [])]
    length = len(trace.text.rstrip())
    return tuple((start, min(end, length)) for start, end in merged(found) if start < length)


def carried(trace: Trace, names: Iterable[str]) -> tuple[Span, ...]:
    """Spans of the segments of these names in the whole text, sorted, not touching."""
    kinds = {*names, *(["preamble"] if "thinking" in names else [])}
    return merged((s.start, s.end) for s in trace.segments if s.kind in kinds)


def _with_openers(trace: Trace, hidden: Iterable[Span]) -> list[Span]:
    whole = {(step.body_start, step.body_end): (step.start, step.end) for step in trace.steps}
    return [whole.get(span, span) for span in hidden]
