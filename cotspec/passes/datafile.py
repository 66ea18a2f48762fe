"""A data file as rules see it: its first rows, or why there are none. Knows neither where it lies nor who reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cotspec.cot.contamination import Item
    from cotspec.cot.source_rows import Reading


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DataFile:
    """The file a data set names; equal only to itself, so that what was found in it can be kept by it."""

    reading: Reading | None = None
    """Its rows before the end of the slice, at most as many as a check looks at; None where it is not there."""
    whole: bool = True
    """Whether these are all of them."""
    kept: str = ""
    """Where it is not there: the file by which DVC knows it, when there is one."""
    beside: tuple[str, ...] = ()
    """Where it is not there: what its folder holds."""

    def items(self, most: int | None = None) -> tuple[Item, ...]:
        """The questions of its slice, as sets are compared."""
        from cotspec.cot.contamination import Item

        read = [] if self.reading is None else self.reading.questions[:most]
        return tuple(Item(each.row, each.question, each.answer) for each in read)

    def of_rows(self, count: int) -> str:
        """`3 of 1,000 rows`, and that they are not all when they are not."""
        read = 0 if self.reading is None else self.reading.rows
        return f"{count:,} of {'' if self.whole else 'the first '}{read:,} rows"
