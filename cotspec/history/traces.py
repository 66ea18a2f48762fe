"""The teacher's traces of an earlier run, for rules that can say how often what they claim happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cotspec.back import places
from cotspec.files import plain, regular
from cotspec.ir.plan import Read

if TYPE_CHECKING:
    from cotspec.cot.records import TraceRecord
    from cotspec.spec.base import Slice
    from cotspec.spec.payload import TraceFormat

LONGEST: Final = 1_000_000
"""Bytes of a line of `traces.jsonl`; a longer one was not written by a task."""
MOST: Final = 2000
"""Traces that rules look at: enough to say how often something happens."""
MOST_SEARCHED: Final = 400
"""Traces in which units are looked for: about 50 ms."""
FEW: Final = 0.02
"""What happens in a smaller part of the traces is not worth a finding."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Traces:
    """Records of a `traces.jsonl`; equal only to itself, so that what was found in them can be kept by it."""

    file: str
    """Where they were read, relative to the project."""
    records: Sequence[TraceRecord]
    """The first of them, at most `MOST`."""
    whole: bool
    """Whether the file has no further records."""
    count: int | None = None
    """How many there are in all, where the run says so."""

    def within(self, slice: Slice | None) -> Sequence[TraceRecord]:
        """The records of a slice, as far as they were read."""
        first, end = slice or (0, None)
        return self.records[first:end]


# --- reading ----------------------------------------------------------------------------------------------------------


def traces(task: str, root: Path) -> Traces | None:
    """What the task `task` wrote in an earlier run; None where there was none."""
    return read(root, places.read_path(Read(task=task, file="traces.jsonl")))


@lru_cache(maxsize=4)
def read(root: Path, place: str) -> Traces | None:
    """A `traces.jsonl` of the project, read once in a command."""
    file = root / place
    try:
        stream = regular.opened(file, within=(root,))
    except OSError:
        return None
    from cotspec.cot.records import TextRecord  # here: before the first run nobody needs the kernel

    try:
        with stream:
            lines = islice(regular.lines(stream, longest=LONGEST), MOST + 1)
            records = [TextRecord(**plain.json_value(line)) for line in lines]
    except (OSError, ValueError, TypeError):
        return None  # not written by this version: rules say what they can without it
    if not all(map(_sound, records)):
        return None
    whole = len(records) <= MOST
    count = len(records) if whole else _written(file.with_name("counts.json"), root)
    return Traces(file=place, records=records[:MOST], whole=whole, count=count)


def _sound(record: TraceRecord) -> bool:
    """Whether a record holds what a task writes; the file is one of the project, which may be a stranger's."""
    texts = (record.question, record.answer, record.trace)
    numbers = (record.id, record.steps, record.words, record.tokens)
    return all(isinstance(text, str) for text in texts) and all(map(_counts, numbers))


def _counts(number: object) -> bool:
    return type(number) is int and 0 <= number <= plain.MOST_COUNTED


def _written(counts: Path, root: Path) -> int | None:
    """The number of traces as their task wrote it down."""
    number = plain.json_object(counts, most=LONGEST, within=(root,)).get("traces")
    return number if _counts(number) else None


# --- what they say ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def unit_counts(traces: Traces, slice: Slice | None, unit: str, format: TraceFormat) -> tuple[int, ...]:
    """How many units each of some traces has that a mask could hide; none for a unit that fails.

    Numbers of steps are in the records. Other units have to be looked for, so that is done in part of the traces.
    """
    if unit == "step":
        return tuple(record.steps for record in traces.within(slice))
    from cotspec.cot.segment import segment  # here: without traces there is nothing to look at
    from cotspec.cot.units import UnitError, units

    try:
        return tuple(len(units(segment(each.trace, format), unit)) for each in sample(traces.within(slice)))
    except UnitError:
        return ()  # a rule of its own says so


def tokens(record: TraceRecord) -> int:
    """Tokens that a trace takes. A record has what the teacher generated, also for thoughts that were left out; a token
    of two bytes is short in any text, so no trace has more than that."""
    return min(record.tokens, len(record.trace.encode()) // 2 + 1)


def sample(records: Sequence[TraceRecord]) -> Sequence[TraceRecord]:
    """At most MOST_SEARCHED of them, evenly spaced."""
    return records[:: max(1, -(-len(records) // MOST_SEARCHED))]


def told(count: int, whole: int) -> str:
    """`12 of 200 traces of an earlier run`."""
    return f"{count:,} of {whole:,} traces of an earlier run"


def rare(count: int, whole: int) -> bool:
    """Whether something happens too seldom to say so."""
    return count < FEW * whole or count == 0
