"""From a plan to a preview, in order: stage, records, row, reward. The page a newcomer opens first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cotspec.ir.plan import Plan
from cotspec.preview import record_source, row, stage
from cotspec.preview.content import Preview
from cotspec.preview.row import FIRST, Wanted
from cotspec.preview.score import Response, Scored, score
from cotspec.preview.stage import PreviewError
from cotspec.spec.payload import RewardedBody


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a person asks for."""

    spec: str
    """Path of the spec in the project."""
    stage: str
    variant: str = ""
    """A variant of the spec; "" is the spec itself."""
    source: str = ""
    """The text its rows are from, where a stage has several sources; "" is the first."""
    wanted: Wanted = FIRST
    traces: Path | None = None
    """A file of records in place of those of an earlier run."""
    response: str | Literal[True] | None = None
    """What to score; True is the teacher's own trace."""
    whose: Literal["given", "model"] = "given"
    """Who wrote the text to score: a person gave it, or a model has written it just now."""
    tokens: int | None = None
    """Length of the response in tokens, as somebody has counted it."""
    beside: tuple[str, ...] = ()
    """The other completions of the prompt, where the reward asks about the group."""
    progress: float | None = None
    """Where in the run the weights are read; the row's own place when None."""


def make(plan: Plan, request: Request, *, root: Path) -> Preview:
    """The preview of one row. Raises PreviewError."""
    of = stage.find(plan, request.stage, variant=request.variant, source=request.source)
    _refuse_reward(of, request)
    records = record_source.choose(of, root=root, spec=request.spec, given=request.traces)
    picked = row.find(records, request.wanted)
    preview = Preview(
        spec=request.spec,
        stage=of,
        source=records,
        picked=picked,
        units=row.unit_count(records, picked),
        progress=picked.attempt.progress if request.progress is None else request.progress,
    )
    if request.response is None or not isinstance(of.train, RewardedBody) or picked.dropped is not None:
        return preview
    return replace(preview, scored=_scored(preview, of.train, request))


def _refuse_reward(of: stage.PlannedStage, request: Request) -> None:
    asked = (request.response, request.tokens, request.progress, request.beside or None)
    if not isinstance(of.train, RewardedBody) and any(value is not None for value in asked):
        raise PreviewError(
            f"stage `{of.name}` trains by {of.train.kind}, where no response is rewarded: "
            "leave out --response, --try, --beside, --tokens and --progress"
        )
    if request.beside and request.response is None:
        raise PreviewError("--beside gives the other completions of a group: give one with --response or --try")
    if request.tokens is not None and not isinstance(request.response, str):
        raise PreviewError("--tokens counts a response: give one with --response")


def _scored(preview: Preview, body: RewardedBody, request: Request) -> Scored:
    record = preview.record
    if isinstance(request.response, str):
        given = Response(text=request.response, whose=request.whose, tokens=request.tokens)
    elif not record.trace:
        raise PreviewError("a question alone has no trace to score: give a text with --response")
    else:
        given = Response(text=record.trace, whose="teacher", tokens=record.tokens if preview.counted else None)
    return score(
        body,
        record,
        given,
        counted=preview.counted,
        progress=preview.progress,
        beside=request.beside,
        begin=preview.begin,
        texts=preview.asked_of_texts,
    )
