"""The part of a report that is about training: what each stage was trained on, left out and could learn from.

Knows metrics.json of the training tasks; results of older ones may lack a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cotspec.cot import signal
from cotspec.runtime import lines

HEADINGS: Final = (
    "stage",
    "steps",
    "rows",
    "too long",
    "no batch",
    "no signal (steps)",
    "no signal (groups)",
    "truncated",
)
_SHOWN: Final = (
    "steps", "rows", "rows_used", "rows_too_long", "rows_nothing_supervised", "rows_beyond_last_batch", signal.STEPS,
    signal.GROUPS, f"train.{signal.GROUPS}", signal.TRUNCATED, f"train.{signal.TRUNCATED}",
)  # fmt: skip
"""Numbers of metrics.json that a report repeats."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One stage."""

    name: str
    metrics: Mapping[str, float]

    @property
    def notes(self) -> list[str]:
        """What a reader should know of it."""
        return signal.notes(self.metrics)

    def record(self) -> dict[str, object]:
        """As JSON data."""
        known = {name: self.metrics[name] for name in _SHOWN if name in self.metrics}
        return {"stage": self.name, **known, "notes": self.notes}

    def cells(self) -> tuple[str, ...]:
        """A row of the table, in the order of HEADINGS; empty where a number is not there."""
        steps, rows = self._count("steps"), self.metrics.get("rows", 0)
        return (
            self.name,
            steps,
            self._count("rows"),
            self._part("rows_too_long", rows),
            self._part("rows_beyond_last_batch", rows),
            self._part(signal.STEPS, self.metrics.get("steps", 0)),
            self._share(signal.GROUPS),
            self._share(signal.TRUNCATED),
        )

    def _count(self, name: str) -> str:
        return f"{self.metrics[name]:,}" if name in self.metrics else ""

    def _part(self, name: str, whole: float) -> str:
        if name not in self.metrics or not whole:
            return ""
        count = self.metrics[name]
        return f"{count:,} ({signal.percent(count / whole)})" if count else "0"

    def _share(self, name: str) -> str:
        return signal.percent(self.metrics[name]) if name in self.metrics else ""


def read(files: Mapping[str, Path]) -> list[Trained]:
    """The stages by name, in the order given."""
    return [Trained(name=name, metrics=signal.numbers(lines.read_json(path))) for name, path in files.items()]


def told(stages: Sequence[Trained]) -> list[str]:
    """The lines under a printed table."""
    return [f"{stage.name}: {note}" for stage in stages for note in stage.notes]


def markdown(stages: Sequence[Trained]) -> str:
    """The section of a page; empty without stages."""
    if not stages:
        return ""
    rule = " | ".join(["---"] + ["---:"] * (len(HEADINGS) - 1))
    rows = "\n".join(f"| {' | '.join(stage.cells())} |" for stage in stages)
    notes = "".join(f"- **{line.partition(': ')[0]}**: {line.partition(': ')[2]}\n" for line in told(stages))
    return (
        f"## Training\n\n| {' | '.join(HEADINGS)} |\n| {rule} |\n{rows}\n\n{notes}{chr(10) if notes else ''}"
        "Rows are never cut: those that are too long for `max_length`, or fill no batch, are left out. A step has a "
        "signal when its rewards differ within a group (grpo) and its gradient is not 0.\n\n"
    )
