"""Rows: what a stage trains on. Traces → the rows of all epochs, in the order they are trained on.

Owns order, re-masking, prompts, targets, loss spans and what is counted. Must not know tokens, tensors or files.

A row depends on the seed, the epoch and its own record, never on the other records: adding a trace changes no other row
(except where a ramped share makes the place in the run count). Chance comes from sha256 of (seed, epoch, id).
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, TypedDict, assert_never

from cotspec.cot import conditions, template
from cotspec.cot.expr import UnscorableError
from cotspec.cot.leak import Leak, close_leaks, leaks
from cotspec.cot.loss import met, supervise
from cotspec.cot.mask import corrupt, merged, show
from cotspec.cot.measures import Value, words
from cotspec.cot.prompting import NO_TEXTS, render
from cotspec.cot.records import (
    AimedRecord,
    GrpoRow,
    GuidedRow,
    JudgedRow,
    PairRecord,
    PairRow,
    SftRow,
    TaughtRow,
    TextRecord,
    TraceRecord,
    counted,
    measured,
    named,
)
from cotspec.cot.row_counts import Counts
from cotspec.cot.segment import Trace, segment
from cotspec.cot.template import GOLD
from cotspec.cot.units import Span
from cotspec.spec import payload

Report = Callable[[int, int], None]
"""Called with (rows done, rows in all) as a task goes on."""


Row = SftRow | GrpoRow | PairRow | TaughtRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropped:
    """Why a row was not built."""

    reason: Literal["no_steps", "all_given", "nothing_supervised", "leak"]
    leak: str = ""
    seen: View | None = None
    """What the prompt would have shown, where it came so far."""


# --- one row ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What a prompt shows of a trace."""

    shown: str
    hidden: tuple[Span, ...] = ()
    """Spans of the trace left out, by the mask or to close a leak: sorted, not overlapping."""
    units: int = 0
    masked: int = 0
    chosen: tuple[Span, ...] = ()
    """The `masked` spans that the mask chose; the rest of `hidden` closes leaks."""
    leaks_closed: tuple[Leak, ...] = ()
    """Leaks that were closed by hiding more."""


def view(body: payload.RowsBody, trace: Trace, *, rng: random.Random, progress: float) -> View | Dropped:
    """What the prompt of `body.task` shows of `trace`; `rng` is the only source of chance."""
    match body.task:
        case "solve":
            return View(shown="")
        case "rewrite":
            return View(shown=trace.text.strip())
        case "reconstruct" | "complete":
            if not trace.steps:
                return Dropped(reason="no_steps")
            return _corrupted(body, trace, rng=rng, progress=progress)
        case _:
            assert_never(body.task)


def _corrupted(body: payload.RowsBody, trace: Trace, *, rng: random.Random, progress: float) -> View | Dropped:
    opener = body.format.step
    first = corrupt(trace, body.mask, opener=opener, rng=rng, progress=progress, shuffle=body.shuffle)
    shown, hidden = first.shown, first.hidden
    leaking = leaks(shown, trace=trace, hidden=hidden)
    still_leaking: tuple[Leak, ...] = ()
    if leaking:
        extra = close_leaks(trace, hidden)
        hidden = merged((*hidden, *extra))
        numbered = "" if body.shuffle else opener
        shown = show(trace, hidden, order=first.order, opener=numbered, placeholder=body.mask.placeholder)
        # Asked about the units as the mask chose them, too: in `hidden` one may have become part of a longer span.
        still_leaking = leaks(shown, trace=trace, hidden=(*first.hidden, *extra))
    count = len(first.hidden)
    seen = View(shown=shown, hidden=hidden, units=first.units, masked=count, chosen=first.hidden, leaks_closed=leaking)
    return Dropped(reason="leak", leak=str(still_leaking[0]), seen=seen) if still_leaking else seen


# --- all rows ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One record in one epoch: the row it became, or why it became none."""

    place: int
    """Its place in the run, from 0; dropped rows count."""
    total: int
    """Places in the run."""
    epoch: int
    record: TraceRecord
    trace: Trace
    seen: View | Dropped
    row: Row | Dropped

    @property
    def begin(self) -> str:
        """What the answer begins with, behind the prompt."""
        return self.row.begin if isinstance(self.row, GuidedRow) else ""

    @property
    def progress(self) -> float:
        """Its place as a number from 0 to 1, which moves a ramped share."""
        return _progress(self.place, self.total)


def attempts(
    body: payload.RowsBody, records: Sequence[TraceRecord], *, shared: Mapping[str, str] = NO_TEXTS
) -> Iterator[Attempt]:
    """Every record of `body.slice` in every epoch, in training order.

    Each epoch takes the records in an order of its own and masks each of them anew. Traces are cut when their turn
    comes. `shared` are the gathered texts that prompts show, by the names that payloads give them. Raises
    units.UnitError and prompting.PromptError for a body that cannot be used.
    """
    sources = _sources(body, records).kept
    cut = cache(lambda index: segment(sources[index].trace, body.format))
    total = len(sources) * body.epochs
    place = written = 0
    for epoch in range(body.epochs):
        order = {index: _digest("order", body.seed, epoch, record) for index, record in enumerate(sources)}
        for index in sorted(order, key=order.__getitem__):
            record, trace = sources[index], cut(index)
            rng = random.Random(int.from_bytes(_digest("row", body.seed, epoch, record)))  # noqa: S311 no secret
            seen = view(body, trace, rng=rng, progress=_progress(place, total))
            row = _row(body, record, trace, seen, epoch=epoch, number=written, shared=shared)
            yield Attempt(place=place, total=total, epoch=epoch, record=record, trace=trace, seen=seen, row=row)
            place += 1
            written += not isinstance(row, Dropped)


def build(
    body: payload.RowsBody,
    records: Sequence[TraceRecord],
    counts: Counts,
    *,
    shared: Mapping[str, str] = NO_TEXTS,
    report: Report | None = None,
) -> Iterator[Row]:
    """The rows of all epochs in training order; `counts` is filled in as they come.

    A row that cannot be built is dropped and counted. Raises what `attempts` raises.
    """
    eligible = _sources(body, records)
    counts.records, counts.unmet = len(eligible.kept), eligible.unmet
    for attempt in attempts(body, records, shared=shared):
        _tally(counts, attempt.record, attempt.seen, attempt.row)
        if not isinstance(attempt.row, Dropped):
            yield attempt.row
        if report is not None:
            report(attempt.place + 1, attempt.total)


class _Sources(NamedTuple):
    """The records that rows are made of."""

    kept: Sequence[TraceRecord]
    unmet: int
    """How many of the slice do not meet the condition, or give it no value."""


def _sources(body: payload.RowsBody, records: Sequence[TraceRecord]) -> _Sources:
    """The records of `body.slice` that meet `body.where`, with the text that a row is made of as their trace."""
    sliced = records[body.slice.first : len(records) if body.slice.end < 0 else body.slice.end]
    if not body.where and not body.target:
        return _Sources(sliced, 0)
    kept = [record for record in sliced if not body.where or selected(body, record)]
    return _Sources([_aimed(body, record) for record in kept], len(sliced) - len(kept))


def selected(body: payload.RowsBody, record: TraceRecord) -> bool:
    """Whether a record meets `body.where`; one that gives it no value does not."""
    measures = measured(counted(record), record.answer, body.format, body.where)
    try:
        return conditions.meets(body.where, measures, _score(record), body.format.form)
    except UnscorableError:
        return False


def _told(body: payload.RowsBody, texts: Mapping[str, str], trace: Trace, seen: View) -> Leak | None:
    """The first thing that another text of the record, which the prompt shows too, tells of what it hides. A wrong
    answer there tells nothing."""
    told = (
        leak
        for name in _read(body.prompt) & texts.keys()
        for leak in leaks(texts[name], trace=trace, hidden=seen.hidden)
    )
    return next((leak for leak in told if leak.kind != "statement"), None)


@cache
def _read(prompt: str) -> frozenset[str]:
    return template.shown(prompt)


def _asked(body: payload.RowsBody, record: TraceRecord) -> dict[str, Value]:
    """What a reward asks about the texts of a record."""
    values = _measured(body, record, " ".join(body.measures))
    return {name: values[name] for name in body.measures}


def _measured(body: payload.RowsBody, record: TraceRecord, expressions: str) -> dict[str, Value]:
    """What some expressions ask about the texts of a record, and more; nothing where they ask about none."""
    if not conditions.asked((expressions,)):
        return {}
    return conditions.values(measured(counted(record), record.answer, body.format, expressions))


def _score(record: TraceRecord) -> float:
    return record.score if isinstance(record, TextRecord) else 0.0


def _aimed(body: payload.RowsBody, record: TraceRecord) -> TraceRecord:
    """The record with another of its texts as its trace; the one it had comes before, where prompts find it."""
    if not body.target:
        return record
    if not isinstance(record, TextRecord) or len(record.before) < body.target:
        raise ValueError(f"record {record.id} was made over {body.target - 1} texts or fewer")
    text, tokens = record.before[body.target - 1], record.before_tokens[body.target - 1]
    steps = len(segment(text, body.format).steps)
    changed = {"trace": text, "steps": steps, "words": words(text), "tokens": tokens}
    return AimedRecord(**(vars(record) | changed), own=record.trace, own_tokens=record.tokens)


def _progress(place: int, total: int) -> float:
    return place / max(1, total - 1)


def _row(
    body: payload.RowsBody,
    record: TraceRecord,
    trace: Trace,
    seen: View | Dropped,
    *,
    epoch: int,
    number: int,
    shared: Mapping[str, str],
) -> Row | Dropped:
    if isinstance(seen, Dropped):
        return seen
    shown = {**named(record), **shared}
    if body.task in ("reconstruct", "complete") and (told := _told(body, shown, trace, seen)):
        return Dropped(reason="leak", leak=str(told), seen=seen)
    prompt = render(body.prompt, question=record.question, trace=seen.shown, texts=shown)
    place = _Place(row=number, epoch=epoch, id=record.id, prompt=prompt)
    match body.by:
        case "sft" | "distill":
            return _given(body, record, trace, seen, place, texts=shown)
        case "grpo" | "imitate":
            return _rewarded(body, record, trace, seen, place, texts=shown)
        case "dpo":
            if not isinstance(record, PairRecord):
                raise TypeError(f"record {record.id} has no answers to compare")
            return PairRow(**place, chosen=record.chosen.rstrip(), rejected=record.rejected.rstrip())
        case _:
            assert_never(body.by)


class _Place(TypedDict):
    """The fields that every row has."""

    row: int
    epoch: int
    id: int
    prompt: str


def _given(
    body: payload.RowsBody,
    record: TraceRecord,
    trace: Trace,
    seen: View,
    place: _Place,
    *,
    texts: Mapping[str, str],
) -> SftRow | TaughtRow | Dropped:
    """A row of a text that is given, or, for distillation of the student's own, of a prompt alone."""
    has_target = body.by == "sft" or bool(body.loss_on)
    about = _measured(body, record, " ".join(body.loss_when.values()))
    segments = met(trace, body.loss_on, body.loss_when, gold=record.answer, tokens=record.tokens, texts=about)
    spans = supervise(trace, segments, hidden=seen.hidden) if has_target else ()
    if has_target and not spans:
        return Dropped(reason="nothing_supervised", seen=seen)
    target = trace.text.rstrip() if has_target else ""
    if body.by == "sft":
        return SftRow(**place, target=target, supervise=spans)
    context = ""
    if body.context:
        context = render(body.context, question=record.question, trace=trace.text.strip(), texts=texts)
    return TaughtRow(**place, context=context, target=target, supervise=spans)


def _rewarded(
    body: payload.RowsBody,
    record: TraceRecord,
    trace: Trace,
    seen: View,
    place: _Place,
    *,
    texts: Mapping[str, str],
) -> GrpoRow | GuidedRow | Dropped:
    """A row whose completions are rewarded, with what is given of the trace."""
    sizes = {"teacher_steps": record.steps, "teacher_words": record.words, "teacher_tokens": record.tokens}
    if body.by == "grpo" and not body.begin and not body.measures and not body.shows:
        return GrpoRow(**place, answer=record.answer, **sizes)
    if body.begin and len(trace.steps) <= body.begin:
        return Dropped(reason="all_given", seen=seen)
    end = trace.steps[body.begin].start if body.begin else 0
    values = {**texts, "question": record.question, GOLD: record.answer}
    shown: dict[str, Any] = {"shown": {name: values[name] for name in body.shows}} if body.shows else {}
    return (JudgedRow if shown else GuidedRow)(
        **place,
        answer=record.answer,
        **sizes,
        **shown,
        texts=_asked(body, record),
        begin=trace.text[:end],
        demonstration=trace.text[end:].rstrip() if body.by == "imitate" else "",
    )


def _tally(counts: Counts, record: TraceRecord, seen: View | Dropped, row: Row | Dropped) -> None:
    if isinstance(row, Dropped):
        counts.dropped[row.reason] += 1
        if row.leak:
            counts.leaking.setdefault(record.id, row.leak)
    elif isinstance(seen, View):
        counts.rows += 1
        counts.masked_rows += seen.masked > 0
        counts.units += seen.units if seen.masked else 0
        counts.hidden_units += seen.masked
        counts.rows_with_leaks_closed += bool(seen.leaks_closed)
        counts.leaks_closed.update(leak.kind for leak in seen.leaks_closed)


def _digest(use: str, seed: int, epoch: int, record: TraceRecord) -> bytes:
    """32 bytes that depend on nothing else: not on the process, the platform or the other records."""
    key = [use, seed, epoch, record.id]
    if isinstance(record, TextRecord) and record.sample:
        key.append(record.sample)
    return hashlib.sha256(json.dumps(key).encode()).digest()
