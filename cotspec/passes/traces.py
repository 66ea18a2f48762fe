"""The teacher's traces of an earlier run, as rules see them. Knows neither where they lie nor who made them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cotspec.cot.rows import TraceRecord


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Traces:
    """Records of a `traces.jsonl`; equal only to itself, so that what was found in them can be kept by it."""

    file: str
    """Where they were read, relative to the project."""
    records: Sequence[TraceRecord]
    """The first of them, at most `cotspec.evidence.MOST_TRACES`."""
    whole: bool
    """Whether these are all."""
    count: int | None = None
    """How many there are in all, where the run says so."""
