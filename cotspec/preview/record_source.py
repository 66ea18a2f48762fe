"""Where the records of a preview come from: a named file, an earlier run of this experiment, or a sample.

Owns the choice, the reading, and the words that say which it is. Must not know masks, prompts or rewards.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from cotspec.back import places
from cotspec.cot import conditions, template
from cotspec.cot.measures import words
from cotspec.cot.records import UNKNOWN_TOKENS, ComparedRecord, TextRecord, TraceRecord
from cotspec.cot.segment import segment
from cotspec.cot.source_rows import Question
from cotspec.cot.thoughts import fit
from cotspec.files import plain, regular
from cotspec.history import data_files
from cotspec.history.locks import Cache
from cotspec.ir.plan import Read, Task
from cotspec.preview import sample
from cotspec.preview.stage import Planned, PreviewError
from cotspec.spec.payload import (
    BuiltinData,
    CompareBody,
    DataBody,
    FileData,
    PairsBody,
    Range,
    RowsBody,
    TracesBody,
    TryBody,
)

Kind = Literal["real", "given", "stand-in", "sample"]
WHOLE: Final = Range(first=0, end=-1)
Count = Annotated[int, Field(ge=0, le=plain.MOST_COUNTED)]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordSource:
    """Records, and how real they are."""

    kind: Kind
    """`real`: those an earlier run left for this stage. `given`: a file that was named. `stand-in`: real traces where
    it takes failures to be real. `sample`: neither."""
    records: tuple[TraceRecord, ...]
    body: RowsBody
    """The stage's own, but that a sample, or a file too short for it, is not sliced."""
    file: str = ""
    """The file that the records were read from."""
    about: str
    """One line: what they are."""
    advice: tuple[str, ...] = ()
    """What to do to see real ones, a line each."""
    uncounted: frozenset[int] = frozenset()
    """Ids of records whose number of tokens is not known."""
    shared: Mapping[str, str] = field(default_factory=dict)
    """Gathered texts that prompts show, by their names in payloads; of one that is not written yet, words that say
    so."""


@dataclass(frozen=True, kw_only=True)
class _Together:
    """A line of gathered.jsonl, as far as it is shown."""

    text: str


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A record as a file may give it: what can be counted here may be missing."""

    question: str
    answer: str
    trace: str | None = None
    id: Annotated[int, Field(ge=-plain.MOST_COUNTED, le=plain.MOST_COUNTED)] | None = None
    steps: Count | None = None
    words: Count | None = None
    tokens: Count | None = None
    chosen: str = ""
    rejected: str = ""
    sample: Count = 0
    before: tuple[str, ...] = ()
    before_tokens: tuple[Count, ...] = ()
    score: float = 0.0


def choose(stage: Planned, *, root: Path, spec: str, given: Path | None = None) -> RecordSource:
    """The records to preview `stage` on. Raises PreviewError for a file that cannot be read."""
    source = replace(_choose(stage, root=root, spec=spec, given=given), shared=_shared(stage, root))
    return replace(source, about=f"{source.about}; of one source, before they are mixed") if stage.mixed else source


def _choose(stage: Planned, *, root: Path, spec: str, given: Path | None) -> RecordSource:
    if given is not None:
        return _given(given, stage)
    wanted = stage.wanted
    if (traces := _of_task(wanted, root)) is not None:
        return _real(traces, stage, root=root)
    if (
        stage.tries is not None
        and stage.traces is not None
        and stage.tried is not None
        and (traces := _of_task(stage.traces, root)) is not None
    ):
        return _stand_in(traces, stage, stage.wanted, root=root, spec=spec)
    advice = _advice(wanted, root=root, spec=spec)
    return _own(stage, root=root, advice=advice) or _sample(stage, advice=advice)


# --- the four kinds ---------------------------------------------------------------------------------------------------


def _given(path: Path, stage: Planned) -> RecordSource:
    """A file that holds less than the slice wants is taken whole: few records are enough to try a mask on."""
    records, uncounted = _read(path, str(path), stage)
    about = f"rows of {path}, {_count(len(records), 'record')}"
    first, body = stage.rows.slice.first, stage.rows
    if first >= len(records):
        about += f"; the stage's slice begins at {first:,}, after their end, and is left out"
        body = body.model_copy(update={"slice": WHOLE})
    return RecordSource(kind="given", records=records, body=body, file=str(path), about=about, uncounted=uncounted)


def _real(traces: tuple[str, Path], stage: Planned, *, root: Path) -> RecordSource:
    name, path = traces
    records, uncounted = _read(path, name, stage, Cache(root).within)
    about = f"real rows: the {_what(stage.wanted)} of an earlier run, {name}"
    return RecordSource(kind="real", records=records, body=stage.rows, file=name, about=about, uncounted=uncounted)


def _stand_in(traces: tuple[str, Path], stage: Planned, tries: Task, *, root: Path, spec: str) -> RecordSource:
    name, path = traces
    wanted = f"this stage trains on {_what(tries)}, which are not made yet"
    records, uncounted = _read(path, name, stage, Cache(root).within)
    if stage.tried is not None:
        end = len(records) if stage.tried.slice.end < 0 else stage.tried.slice.end
        records = records[stage.tried.slice.first : end]
    return RecordSource(
        kind="stand-in",
        records=records,
        body=stage.rows,
        file=name,
        about=f"stand-in rows: {wanted}; these are all traces, {name}",
        advice=_advice(tries, root=root, spec=spec),
        uncounted=uncounted,
    )


def _own(stage: Planned, *, root: Path, advice: tuple[str, ...]) -> RecordSource | None:
    """The rows of the data file itself, of which nobody has to make anything; None where a check cannot read it."""
    source = stage.data.source
    if not stage.file or not isinstance(source, FileData):
        return None
    first, end = stage.data.slice.first, stage.data.slice.end
    data = data_files.read(root / stage.file, source, (first, end) if end >= 0 else None, root)
    if data is None or data.reading is None or not data.reading.questions:
        return None
    records = tuple(_of_question(each, stage) for each in data.reading.questions)
    what = f"{_count(len(records), 'row')} of {stage.file}"
    return RecordSource(
        kind="real" if data.whole else "stand-in",
        records=records,
        body=stage.rows,
        file=stage.file,
        about=f"real rows: {what}" if data.whole else f"stand-in rows: the first {what}",
        advice=() if data.whole else advice,
        uncounted=frozenset(record.id for record in records),
    )


def _of_question(each: Question, stage: Planned) -> TextRecord:
    """A row of a data file as the traces task keeps it."""
    trace = fit(each.trace, stage.rows.format).text
    return TextRecord(
        id=each.row,
        question=each.question,
        answer=each.answer,
        trace=trace,
        steps=len(segment(trace, stage.rows.format).steps),
        words=words(trace),
        tokens=UNKNOWN_TOKENS,
    )


def _sample(stage: Planned, *, advice: tuple[str, ...]) -> RecordSource:
    made = sample.records(stage.data, stage.keep)
    records: tuple[TraceRecord, ...] = tuple(_later(record, stage) for record in made)
    if stage.rows.by == "dpo":
        records = tuple(paired(record) for record in records)
    builtin = stage.data.source.name if isinstance(stage.data.source, BuiltinData) else ""
    what = f"problems of builtin:{builtin}" if builtin else "problems that come with cotspec"
    solved = "worked by their generator" if builtin else "worked by hand"
    asked = {"the filter of the text": stage.keep.where, "the condition on rows": stage.rows.where}
    unasked = " and ".join(name for name, condition in asked.items() if condition)
    right = "; they are right, and " if unasked else ""
    any_ = f"{right}whether they meet {unasked} is not asked" if unasked else ""
    if len(stage.texts) > 1:
        solved += ", the same solution for each text,"
    return RecordSource(
        kind="sample",
        records=records,
        body=stage.rows.model_copy(update={"slice": WHOLE, "where": ""}),
        about=f"sample rows, not the real ones: {len(records)} {what}, {solved} and not by the teacher{any_}",
        advice=advice,
        uncounted=frozenset(record.id for record in records),
    )


def _later(record: TraceRecord, stage: Planned) -> TextRecord:
    """A sample as a record of texts over texts: one solution stands for all of them, or none for a question alone."""
    if isinstance(stage.wanted.body, DataBody):
        return TextRecord(**(vars(record) | {"trace": "", "steps": 0, "words": 0}))
    before = max(0, len(stage.texts) - 1)
    return TextRecord(**vars(record), before=(record.trace,) * before, before_tokens=(UNKNOWN_TOKENS,) * before)


def _of_task(task: Task, root: Path) -> tuple[str, Path] | None:
    """The file a task has left, by its path in the project."""
    name = places.read_path(Read(task=task.id, file=f"{_what(task)}.jsonl"))
    path = root / name
    there = any(regular.inside(path, place) for place in Cache(root).within) and os.path.isfile(path)
    return (name, path) if there else None


def _advice(task: Task, *, root: Path, spec: str) -> tuple[str, ...]:
    folder = places.stage_folder(task.id)
    build = "" if (root / folder / "payload.json").is_file() else f"cotspec build {spec} && "
    pull = (f"dvc pull {folder}/dvc.yaml",) if (root / folder / "dvc.lock").is_file() else ()
    trains = "   (trains the stages before it)" if isinstance(task.body, TryBody) else ""
    commands = (*pull, f"{build}dvc repro {folder}/dvc.yaml{trains}", "--traces FILE")
    return tuple(f"{'for real ones:' if at == 0 else 'or:':>14} {text}" for at, text in enumerate(commands))


def _what(task: Task) -> str:
    match task.body:
        case TracesBody():
            return "traces"
        case PairsBody() | CompareBody():
            return "pairs"
        case DataBody():
            return "problems"
        case _:
            return "failures"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _shared(stage: Planned, root: Path) -> dict[str, str]:
    return {role: _gathered(name, read, root) for role, (name, read) in stage.shared.items()}


def _gathered(name: str, read: Read, root: Path) -> str:
    """Gathered texts of an earlier run."""
    path, within = root / places.read_path(read), Cache(root).within
    if not (any(regular.inside(path, place) for place in within) and os.path.isfile(path)):
        return f"({name}, which is not written yet)"
    lines = regular.content(path, within=within).split(b"\n")
    return "\n\n".join(_gathered_lines().validate_json(line).text for line in lines if line.strip())


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(
    path: Path, name: str, stage: Planned, within: tuple[Path, ...] = ()
) -> tuple[tuple[TraceRecord, ...], frozenset[int]]:
    """All records of a JSON-lines file, and the ids of those without a number of tokens."""
    try:
        content = regular.content(path, within=within) if within else regular.given(path)
    except OSError as error:
        raise PreviewError(f"{name} cannot be read: {error.strerror}") from error
    lines = [(at, line) for at, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    read = [_record(_parse(line, f"{name}:{at}", stage), at - 1, stage) for at, line in lines]
    if not read:
        raise PreviewError(f"{name} holds no record")
    _distinct(read, lines, name)
    return tuple(record for record, _ in read), frozenset(record.id for record, counted in read if not counted)


def _needed(rows: RowsBody) -> int:
    """How many of the texts that a record was made over its rows read: in the prompt, in conditions, as their own."""
    shown = (template.shown(rows.prompt) | template.shown(rows.context)) - template.VARIABLES
    asked = (rows.where, *rows.measures, *(f"{name}." for name in shown))
    return max(rows.target, *map(conditions.deepest, asked))


def _parse(line: bytes, where: str, stage: Planned) -> _Line:
    has = "a record has question, answer and trace, and may count tokens"
    try:
        record = _adapter().validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        said = f"`{place}`: {first['msg'].lower()}" if place else first["msg"]
        raise PreviewError(f"{where}: {said}; {has}") from error
    if record.trace is None and not isinstance(stage.wanted.body, DataBody):
        raise PreviewError(f"{where}: `trace`: field required; {has}")
    if len(record.before) < (needed := _needed(stage.rows)):
        texts = _count(needed, "text")
        raise PreviewError(
            f"{where}: `before`: rows of this stage read {texts} that a record was made over, nearest first"
        )
    if record.before_tokens and len(record.before_tokens) != len(record.before):
        raise PreviewError(f"{where}: `before_tokens`: a number for each text of `before`")
    return record


@cache
def _gathered_lines() -> TypeAdapter[_Together]:
    return TypeAdapter(_Together)


@cache
def _adapter() -> TypeAdapter[_Line]:
    return TypeAdapter(_Line)


def _record(line: _Line, number: int, stage: Planned) -> tuple[TraceRecord, bool]:
    """A record, and whether its tokens are counted; steps and words are counted as the traces task counts them."""
    trace = line.trace or ""
    record: TraceRecord = TextRecord(
        id=number if line.id is None else line.id,
        question=line.question,
        answer=line.answer,
        trace=trace,
        steps=len(segment(trace, stage.rows.format).steps) if line.steps is None else line.steps,
        words=words(trace) if line.words is None else line.words,
        tokens=UNKNOWN_TOKENS if line.tokens is None else line.tokens,
        sample=line.sample,
        before=line.before,
        before_tokens=line.before_tokens or (UNKNOWN_TOKENS,) * len(line.before),
        score=line.score,
    )
    if stage.rows.by == "dpo":
        record = paired(record, chosen=line.chosen, rejected=line.rejected)
    return record, bool(line.tokens)


def paired(record: TraceRecord, *, chosen: str = "", rejected: str = "") -> ComparedRecord:
    """The record with two answers to compare; before there are any, the trace stands in for the right one."""
    return ComparedRecord(**vars(record), chosen=chosen or record.trace, rejected=rejected)


def _distinct(read: list[tuple[TraceRecord, bool]], lines: list[tuple[int, bytes]], name: str) -> None:
    """An id chooses order and mask of a row, so two records of one id are a mistake."""
    first: dict[tuple[int, int], int] = {}
    for (record, _), (at, _) in zip(read, lines, strict=True):
        key = (record.id, record.sample if isinstance(record, TextRecord) else 0)
        if key in first:
            raise PreviewError(f"{name}:{at}: id {record.id} is also that of line {first[key]}")
        first[key] = at
