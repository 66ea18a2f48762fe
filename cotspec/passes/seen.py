"""What the traces of an earlier run say about a stage: how many units each has to hide. Knows no rule.

Numbers of steps are in the records. Other units have to be looked for, so that is done in part of the traces, evenly
spaced, and rules name how many were looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cotspec.ir import bodies
from cotspec.passes.check.context import Context
from cotspec.spec.base import Slice
from cotspec.spec.experiment import Stage
from cotspec.spec.payload import TraceFormat

if TYPE_CHECKING:
    from cotspec.cot.rows import TraceRecord
    from cotspec.passes.traces import Traces

MOST_SEARCHED: Final = 400
"""Traces in which units are looked for: about 50 ms."""
LONGEST: Final = 32
"""Steps of the longest trace that is thought of."""
FEW: Final = 0.02
"""What happens in a smaller part of the traces is not worth a finding."""


def records(context: Context, stage: Stage) -> Sequence[TraceRecord]:
    """The traces a stage may train on, as far as they were read; none without an earlier run."""
    return _within(context.read_traces(), stage.rows.slice)


def tokens(record: TraceRecord) -> int:
    """Tokens that a trace takes. A record has what the teacher generated, also for thoughts that were left out; a token
    of two bytes is short in any text, so no trace has more than that."""
    return min(record.tokens, len(record.trace.encode()) // 2 + 1)


def unit_counts(context: Context, stage: Stage) -> tuple[int, ...]:
    """How many units each trace has that a mask could hide; none without an earlier run, or for a unit that fails."""
    if stage.mask is None:
        return ()
    unit = bodies.mask(stage.mask).unit
    if unit == "step":
        return tuple(record.steps for record in records(context, stage))
    format = bodies.trace_format(context.experiment.trace)
    return _searched(context.read_traces(), stage.rows.slice, unit, format)


def _within(traces: Traces | None, slice: Slice | None) -> Sequence[TraceRecord]:
    if traces is None:
        return ()
    first, end = slice or (0, len(traces.records))
    return traces.records[first:end]


@lru_cache(maxsize=16)
def _searched(traces: Traces | None, slice: Slice | None, unit: str, format: TraceFormat) -> tuple[int, ...]:
    from cotspec.cot.segment import segment  # here: without traces there is nothing to look at
    from cotspec.cot.units import UnitError, units

    try:
        return tuple(len(units(segment(each.trace, format), unit)) for each in sample(_within(traces, slice)))
    except UnitError:
        return ()  # a rule of its own says so


def sample(found: Sequence[TraceRecord]) -> Sequence[TraceRecord]:
    """At most MOST_SEARCHED of them, evenly spaced."""
    return found[:: max(1, -(-len(found) // MOST_SEARCHED))]


def of_traces(count: int, whole: int) -> str:
    """`12 of 200 traces of an earlier run`."""
    return f"{count:,} of {whole:,} traces of an earlier run"


def rare(count: int, whole: int) -> bool:
    """Whether something happens too seldom to say so."""
    return count < FEW * whole or count == 0


def step_counts(context: Context) -> range:
    """Numbers of steps the kept traces can have: from `keep.steps`, at least 1, at most LONGEST."""
    bounds = context.experiment.teach.keep.steps
    most = LONGEST if bounds.at_most is None else min(bounds.at_most, LONGEST)
    return range(max(1, bounds.at_least), most + 1)


def worded(counts: Iterable[int]) -> str:
    """`2`, `2 or 3`, `2 to 5`, `2, 4 or 7`; `4 or more` when they reach LONGEST."""
    known = sorted(counts)
    low, high = known[0], known[-1]
    if len(known) != high - low + 1:
        return ", ".join(map(str, known[:-1])) + f" or {high}"
    if high == LONGEST:
        return f"{low} or more"
    return f"{low}" if low == high else f"{low} or {high}" if high == low + 1 else f"{low} to {high}"
