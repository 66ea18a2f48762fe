"""What building rows did, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import get_args

from cotspec.cot.leak import LeakKind


@dataclass(kw_only=True)
class Counts:
    """What building did; `build` fills it in.

    Rows of all epochs are counted, so records × epochs = rows + the three kinds of dropped rows.
    """

    records: int = 0
    rows: int = 0
    masked_rows: int = 0
    """Written rows in which the mask hides something."""
    units: int = 0
    """Units of those rows' steps …"""
    hidden_units: int = 0
    """… and how many of them the mask hides."""
    rows_with_leaks_closed: int = 0
    """Written rows in which more is hidden to close a leak."""
    leaks_closed: Counter[str] = field(default_factory=Counter)
    """Leaks closed in them by kind: statement, answer, repeat (cotspec.cot.leak)."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Rows not written by reason (`Dropped.reason`)."""
    leaking: dict[int, str] = field(default_factory=dict)
    """Record id → its first leak that could not be closed."""
    unmet: int = 0
    """Records that do not meet the condition on rows; they are not among `records`."""

    def record(self) -> dict[str, object]:
        """As JSON data, for counts.json."""
        closed = self.leaks_closed
        return {
            "records": self.records,
            "rows": self.rows,
            "masked_rows": self.masked_rows,
            "units": self.units,
            "hidden_units": self.hidden_units,
            "sealed": {"rows": self.rows_with_leaks_closed, **{kind: closed[kind] for kind in get_args(LeakKind)}},
            "dropped": {
                "no_steps": self.dropped["no_steps"] + self.dropped["all_given"],
                "nothing_supervised": self.dropped["nothing_supervised"],
                "leak_rows": self.dropped["leak"],
                "leak": sorted(self.leaking),
            },
            "leaks": {str(id): leak for id, leak in sorted(self.leaking.items())},
            **({"condition_not_met": self.unmet} if self.unmet else {}),
        }
