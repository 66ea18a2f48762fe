"""One row of a stage, by its number in rows.jsonl or by its record. Knows the kernel; renders nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cotspec.cot.mask import merged
from cotspec.cot.prompting import PromptError
from cotspec.cot.rows import Attempt, Dropped, View, attempts
from cotspec.cot.units import Span, UnitError, units
from cotspec.preview.record_source import RecordSource
from cotspec.preview.stage import PreviewError

_LISTED: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which row: number `row` of rows.jsonl, or what record `id` becomes in epoch `epoch` (all count from 0)."""

    row: int = 0
    id: int | None = None
    epoch: int = 0


FIRST: Final = Wanted()
"""Row 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PickedRow:
    """A row, or a record that became none."""

    attempt: Attempt
    before: tuple[Attempt, ...] = ()
    """Records dropped earlier in the run."""
    none_built: bool = False
    """No record at all becomes a row; this is the first of those dropped."""

    @property
    def dropped(self) -> Dropped | None:
        """Why it is no row."""
        return self.attempt.row if isinstance(self.attempt.row, Dropped) else None

    @property
    def view(self) -> View | None:
        """What the prompt shows; of a dropped row, what it would have shown."""
        seen = self.attempt.seen
        return seen if isinstance(seen, View) else seen.seen

    @property
    def hidden_to_close_leaks(self) -> tuple[Span, ...]:
        """What is hidden only to close a leak."""
        return () if self.view is None else without(self.view.hidden, self.view.chosen)


def find(source: RecordSource, wanted: Wanted) -> PickedRow:
    """The row as it will be trained on. Raises PreviewError when there is none like it, or no row can be built."""
    try:
        return _by_number(source, wanted.row) if wanted.id is None else _by_record(source, wanted.id, wanted.epoch)
    except (PromptError, UnitError) as error:
        raise PreviewError(str(error)) from error


def unit_count(source: RecordSource, picked: PickedRow) -> int:
    """How many units of the mask the whole trace has."""
    return len(units(picked.attempt.trace, source.body.mask.unit))


def without(spans: tuple[Span, ...], minus: tuple[Span, ...]) -> tuple[Span, ...]:
    """The characters of `spans` that are in none of `minus`."""
    left: list[Span] = []
    for start, end in merged(spans):
        for first, last in merged(minus):
            if last > start and first < end:
                left.append((start, first))
                start = last
        left.append((start, end))
    return tuple((start, end) for start, end in left if start < end)


def _by_number(source: RecordSource, number: int) -> PickedRow:
    dropped: list[Attempt] = []
    built = 0
    for attempt in _all(source):
        if isinstance(attempt.row, Dropped):
            dropped.append(attempt)
        elif attempt.row.row == number:
            return PickedRow(attempt=attempt, before=tuple(dropped))
        else:
            built += 1
    if not built:
        return PickedRow(attempt=dropped[0], none_built=True)
    there = f"there {'is 1 row, row 0' if built == 1 else f'are {built:,} rows, 0 to {built - 1}'}"
    raise PreviewError(f"no row {number}: {there}{_and_dropped(dropped)}")


def _and_dropped(dropped: list[Attempt]) -> str:
    if not dropped:
        return ""
    ids = ", ".join(str(id) for id in list(dict.fromkeys(attempt.record.id for attempt in dropped))[:_LISTED])
    return f"; {len(dropped):,} more were dropped (`--id N` shows one: {ids}{', …' if len(dropped) > _LISTED else ''})"


def _by_record(source: RecordSource, id: int, epoch: int) -> PickedRow:
    if epoch >= source.body.epochs:
        raise PreviewError(f"no epoch {epoch}: the stage has {source.body.epochs:,}, counted from 0")
    dropped: list[Attempt] = []
    ids: set[int] = set()
    for attempt in _all(source):
        if attempt.epoch and id not in ids:  # all had their turn in the first epoch
            break
        if attempt.record.id == id and attempt.epoch == epoch:
            return PickedRow(attempt=attempt, before=tuple(dropped))
        ids.add(attempt.record.id)
        if isinstance(attempt.row, Dropped):
            dropped.append(attempt)
    raise PreviewError(f"no record {id} in this stage: it has {len(ids):,}, between {min(ids)} and {max(ids)}")


def _all(source: RecordSource) -> Iterator[Attempt]:
    tries = attempts(source.body, source.records, shared=source.shared)
    first = next(tries, None)
    if first is None:
        if source.body.where and source.records:
            raise PreviewError(
                f"none of {len(source.records):,} records is in the slice and meets the condition on rows"
            )
        slice = source.body.slice
        end = "the end" if slice.end < 0 else slice.end
        raise PreviewError(f"the slice [{slice.first}, {end}] of {len(source.records):,} records is empty")
    yield first
    yield from tries
