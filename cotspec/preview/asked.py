"""What a model is asked for a text of a generation, looked at before anybody is asked. Renders nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cotspec.cot import asked
from cotspec.cot.prompting import PromptError
from cotspec.cot.records import TraceRecord, texts
from cotspec.ir.plan import Plan
from cotspec.preview import record_source, stage
from cotspec.preview.make import Request
from cotspec.preview.record_source import RecordSource
from cotspec.preview.stage import PlannedText, PreviewError
from cotspec.spec.payload import GatherBody


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One prompt of a generation."""

    spec: str
    """Path of the spec in the project."""
    text: PlannedText
    source: RecordSource
    number: int
    """Its place among the prompts, from 0."""
    total: int
    records: Sequence[TraceRecord]
    """The record that is asked about, or all that are gathered."""
    prompt: str

    @property
    def read(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """The texts of the record, the nearest first, by name, with what was done while each was drawn; none of a
        question alone, and of gathered ones none, which the prompt shows."""
        if isinstance(self.text.writer, GatherBody):
            return []
        every = zip(self.text.texts, texts(self.records[0]), self.text.drawn, strict=False)
        return [found for found in every if found[1]]


def make(plan: Plan, request: Request, *, root: Path) -> Asked | None:
    """The prompt that was asked for; None where the request is about a stage, or about nothing there is. Raises
    PreviewError."""
    text = stage.find_text(plan, request.stage, variant=request.variant)
    if text is None:
        return None
    _refuse(request, text.name)
    source = record_source.choose(text, root=root, spec=request.spec, given=request.traces)
    slice = source.body.slice
    records = source.records[slice.first : len(source.records) if slice.end < 0 else slice.end]
    size = text.writer.size if isinstance(text.writer, GatherBody) else 1
    groups = [records[at : at + size] for at in range(0, len(records), size)]
    number = _number(groups, request)
    try:
        prompt = _prompt(text, groups[number])
    except PromptError as error:
        raise PreviewError(str(error)) from error
    return Asked(
        spec=request.spec,
        text=text,
        source=source,
        number=number,
        total=len(groups),
        records=groups[number],
        prompt=prompt,
    )


def _prompt(text: PlannedText, group: Sequence[TraceRecord]) -> str:
    template = text.writer.prompt
    return asked.gathered(template, group) if isinstance(text.writer, GatherBody) else asked.over(template, group[0])


def _refuse(request: Request, name: str) -> None:
    scored = (request.response, request.tokens, request.progress, request.beside or None, request.source or None)
    if any(value is not None for value in scored) or request.wanted.epoch:
        raise PreviewError(
            f"`{name}` is a text that a model writes: of it the prompt is shown, so leave out --response, --try, "
            "--beside, --tokens, --progress, --from and --epoch"
        )


def _number(groups: Sequence[Sequence[TraceRecord]], request: Request) -> int:
    """Which prompt is wanted. Raises PreviewError where there is none like it."""
    if not groups:
        raise PreviewError(f"`{request.stage}` is written over no record: its slice is empty")
    wanted = request.wanted
    if wanted.id is not None:
        ids = [{record.id for record in group} for group in groups]
        found = next((at for at, group in enumerate(ids) if wanted.id in group), None)
        if found is None:
            every = set().union(*ids)
            raise PreviewError(
                f"no record {wanted.id}: there are {len(every):,}, between {min(every)} and {max(every)}"
            )
        return found
    if wanted.row >= len(groups):
        there = (
            "there is 1 prompt, prompt 0" if len(groups) == 1 else f"there are {len(groups):,}, 0 to {len(groups) - 1}"
        )
        raise PreviewError(f"no prompt {wanted.row}: {there}")
    return wanted.row
