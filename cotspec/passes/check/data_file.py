"""Data files that hold what the spec says of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cotspec.diagnostics import Diagnostic, Severity
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.history.data_files import DataFile
from cotspec.passes.check.context import Context, finding, misnamed
from cotspec.spec.experiment import AnswerField, Data

if TYPE_CHECKING:
    from cotspec.cot.source_rows import FaultCount, Reading, RowPart

_FILE = """$ sed -i 's/test: {.*50}/test: {file: a.jsonl, answer: %s}/' specs/a.yaml
$ printf '{"question": "3 + 4?", "answer": "7"}\n' > specs/a.jsonl
$ cotspec check specs/a.yaml
"""

RULE = Rule(
    slug="data-file",
    claim="A data file is what its name says (JSON lines, a JSON list, CSV, TSV, Parquet, each with `.gz` behind it or "
    "not), or a folder of files of one of these. Each row holds a question and a gold answer, in the columns that the "
    "spec names, but for as many as `max_bad_rows` says.",
    why="The task that reads it stops at a row that is no problem; a check reads the first rows and finds that before "
    "anything runs. A gold answer that no answer can equal, such as `nan`, would make every solution of its question "
    "wrong. A byte-order mark and Windows line ends are read. Rows of Parquet, for which a check has no library, are "
    "looked at by the preflight.",
    failing=_FILE % "solution",
    passing=_FILE % "answer",
)


_ROW = "put the row right or leave it out"
_SOME = "say how many may be left out (`max_bad_rows: 0.01`): the task that reads the file stops at it"


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every data file that is there."""
    for name, data in context.experiment.data.items():
        file = context.read_data(data)
        if file is None:
            continue
        span = context.source.value(("data", name, "file"))
        if file.fault:
            yield finding(RULE, span, f"`{data.file}`: {file.fault}", file.advice or _advice("file"))
        if file.reading is None:
            continue
        faults = sorted(file.reading.faults.values(), key=lambda each: each.place)
        found = [_wrong_rows(context, name, data, file, fault) for fault in faults]
        yield from _allowed(found, data, file.reading, whole=file.whole)
        if not file.reading.rows:
            yield finding(RULE, span, f"`{data.file}` has no rows", _empty(data.file or ""))
        if not file.whole:
            message = f"of `{data.file}` only the first {file.reading.rows:,} rows are checked"
            yield finding(RULE, span, message, "the task that reads it checks all of them", severity="note")


def _allowed(found: list[Diagnostic], data: Data, reading: Reading, *, whole: bool) -> list[Diagnostic]:
    """Findings about bad rows, one of each kind, where some may be left out: of more in the first rows alone nobody
    knows whether it is too many of all. The first one says how many they are together."""
    most = data.max_bad_rows
    if reading.torn or not reading.questions or not found:
        return found
    if not most:
        return [each._replace(help=f"{_ROW}, or {_SOME}") if each.help == _ROW else each for each in found]
    if whole and not reading.within(most):
        return [found[0]._replace(help=f"{reading.shared(most)}; {found[0].help}"), *found[1:]]
    more = "" if whole else "; the task that reads the file counts all of them"
    severity: Severity = "note" if reading.within(most) else "warning"
    told = [each._replace(severity=severity, help="") for each in found]
    return [told[0]._replace(help=f"{reading.shared(most)}{more}"), *told[1:]]


def _wrong_rows(context: Context, name: str, data: Data, file: DataFile, counted: FaultCount) -> Diagnostic:
    fault, (shard, line) = counted.fault, counted.place
    span = context.source.value(_place(context, name, data, fault.part))
    if fault.missing:
        everywhere = file.reading is not None and counted.rows == file.reading.whole
        where = f"line {line} of `{shard}`" if shard else f"line {line}"
        rest = "" if everywhere else f" in {where} ({file.of_rows(counted.rows)} lack it)"
        message = f"`{data.file}` has no column `{fault.missing}`{rest}"
        if not everywhere:
            return finding(RULE, span, message, _ROW)
        return misnamed(RULE, span, message, fault.missing, fault.there)
    more = f" ({file.of_rows(counted.rows)} are like it)" if counted.rows > 1 else ""
    named = "/".join(filter(None, ((data.file or "").rstrip("/"), shard)))
    message = f"`{named}`, line {line}: {fault.message}{more}"
    torn = fault.part == "file" and line > 1  # the first line says what the file is
    return finding(RULE, span, message, fault.advice or (_ROW if torn else _advice(fault.part)))


def _place(context: Context, name: str, data: Data, part: RowPart) -> Path:
    """Where the setting is written that a fault is about; where it is not written, the file."""
    here: Path = ("data", name)
    path = (*here, "answer", part) if part in ("after", "boxed") else (*here, part)
    if part == "answer" and isinstance(data.answer, AnswerField):
        path = (*here, "answer", "field")
    return path if path in context.source.values else (*here, "file")


def _advice(part: RowPart) -> str:
    if part == "file":
        return "give it the ending of what it is, and write it as its kind is written, in UTF-8"
    if part == "after":
        return "name what stands before every gold answer, or leave `after` out"
    if part == "boxed":
        return "leave `boxed` out, or the row"
    return _ROW


def _empty(file: str) -> str:
    from cotspec.files.tables import kind  # here: most specs name no data file

    table = kind(file).format in ("csv", "tsv")
    return "give it a header with the names of the columns, and rows" if table else "give it one JSON object a line"
