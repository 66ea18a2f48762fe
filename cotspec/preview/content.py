"""What a preview shows, before anybody renders it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cotspec.cot.judges import asking
from cotspec.cot.measures import Value
from cotspec.cot.records import GrpoRow, GuidedRow, JudgedRow, PairRow, SftRow, TaughtRow, TraceRecord, texts
from cotspec.cot.rows import Dropped
from cotspec.cot.units import Span
from cotspec.preview.record_source import RecordSource
from cotspec.preview.row import PickedRow
from cotspec.preview.score import Scored
from cotspec.preview.stage import PlannedStage
from cotspec.spec.payload import Judge, RewardedBody

ANY_RESPONSE: Final = "(the response)"
"""Stands in what a judge reads where no response is given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """One row of a stage and, given a response, its reward."""

    spec: str
    """Path of the spec in the project."""
    stage: PlannedStage
    source: RecordSource
    picked: PickedRow
    units: int
    """Units of the mask in the whole trace, whether this row is masked or not."""
    progress: float
    """Where in the run the reward's weights are read."""
    scored: Scored | None = None

    @property
    def record(self) -> TraceRecord:
        """The record the row is made of."""
        return self.picked.attempt.record

    @property
    def texts(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """The other texts of the record, the nearest first, by name, with what was done while each was drawn."""
        at, stage = self.stage.rows.target, self.stage
        every = enumerate(zip(stage.texts, texts(self.record), stage.drawn, strict=False))
        return [found for number, found in every if number != at]

    @property
    def drawn(self) -> tuple[str, ...]:
        """What was done while the text of the row was drawn."""
        return next(iter(self.stage.drawn[self.stage.rows.target :]), ())

    @property
    def asked_of_texts(self) -> Mapping[str, Value]:
        """What the reward asks about the texts of the record."""
        row = self.picked.attempt.row
        return row.texts if isinstance(row, GuidedRow) else {}

    @property
    def judges(self) -> list[tuple[Judge, str]]:
        """What each judge reads of the response, or of any."""
        row, train = self.picked.attempt.row, self.stage.train
        if not isinstance(row, GrpoRow) or not isinstance(train, RewardedBody):
            return []
        shown = row.shown if isinstance(row, JudgedRow) else {}
        response = ANY_RESPONSE if self.scored is None else self.scored.trace.text
        return [(judge, asking(judge, response, shown)) for judge in train.judges]

    @property
    def counted(self) -> bool:
        """Whether the tokens of the teacher's trace are known."""
        return self.record.id not in self.source.uncounted

    @property
    def prompt(self) -> str | None:
        """The prompt; None of a row that was dropped."""
        row = self.picked.attempt.row
        return None if isinstance(row, Dropped) else row.prompt

    @property
    def begin(self) -> str:
        """What the answer begins with."""
        return self.picked.attempt.begin

    @property
    def target(self) -> SftRow | TaughtRow | None:
        """The row of a stage with a target."""
        row = self.picked.attempt.row
        return row if isinstance(row, SftRow | TaughtRow) and row.target else None

    @property
    def context(self) -> str | None:
        """What a teacher reads in place of the prompt."""
        row = self.picked.attempt.row
        return row.context if isinstance(row, TaughtRow) and row.context else None

    @property
    def pair(self) -> PairRow | None:
        """The row of a stage that compares two answers."""
        row = self.picked.attempt.row
        return row if isinstance(row, PairRow) else None


def ends(row: SftRow | TaughtRow) -> bool:
    """Whether the end of the text is supervised too."""
    return bool(row.supervise) and row.supervise[-1][1] >= len(row.target)


def covered(spans: tuple[Span, ...]) -> int:
    """Characters in spans that do not overlap."""
    return sum(end - start for start, end in spans)
