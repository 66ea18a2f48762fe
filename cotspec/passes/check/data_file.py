"""Data files that hold what the spec says of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.history.data_files import DataFile
from cotspec.passes.check.context import Context, finding, misnamed
from cotspec.spec.experiment import AnswerField, Data

if TYPE_CHECKING:
    from cotspec.cot.source_rows import Found, RowPart

_FILE = """$ sed -i 's/test: {.*50}/test: {file: a.jsonl, answer: %s}/' specs/a.yaml
$ printf '{"question": "3 + 4?", "answer": "7"}\n' > specs/a.jsonl
$ cotspec check specs/a.yaml
"""

RULE = Rule(
    slug="data-file",
    claim="A data file is JSON lines: each holds a question and a gold answer, in the columns that the spec names.",
    why="The task that reads it stops at a row that is no problem; a check reads the first rows and finds that before "
    "anything runs. A gold answer that no answer can equal, such as `nan`, would make every solution of its question "
    "wrong. A byte-order mark and Windows line ends are read.",
    failing=_FILE % "solution",
    passing=_FILE % "answer",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every data file that is there."""
    for name, data in context.experiment.data.items():
        file = context.read_data(data)
        if file is None or file.reading is None:
            continue
        for found in sorted(file.reading.faults.values(), key=lambda each: each.place):
            yield _found(context, name, data, file, found)
        span = context.source.value(("data", name, "file"))
        if not file.reading.rows:
            yield finding(RULE, span, f"`{data.file}` has no rows", "give it one JSON object a line")
        if not file.whole:
            message = f"of `{data.file}` only the first {file.reading.rows:,} rows are checked"
            yield finding(RULE, span, message, "the task that reads it checks all of them", severity="note")


def _found(context: Context, name: str, data: Data, file: DataFile, found: Found) -> Diagnostic:
    fault = found.fault
    span = context.source.value(_place(context, name, data, fault.part))
    if fault.missing:
        everywhere = file.reading is not None and found.rows == file.reading.rows
        rest = "" if everywhere else f" in line {found.place} ({file.of_rows(found.rows)} lack it)"
        message = f"`{data.file}` has no column `{fault.missing}`{rest}"
        return misnamed(RULE, span, message, fault.missing, fault.there)
    more = f" ({file.of_rows(found.rows)} are like it)" if found.rows > 1 else ""
    message = f"`{data.file}`, line {found.place}: {fault.message}{more}"
    return finding(RULE, span, message, _advice(fault.part))


def _place(context: Context, name: str, data: Data, part: RowPart) -> Path:
    """Where the setting is written that a fault is about; where it is not written, the file."""
    here: Path = ("data", name)
    path = (*here, "answer", "after") if part == "after" else (*here, part)
    if part == "answer" and isinstance(data.answer, AnswerField):
        path = (*here, "answer", "field")
    return path if path in context.source.values else (*here, "file")


def _advice(part: RowPart) -> str:
    if part == "file":
        return "write one JSON object a line, UTF-8"
    if part == "after":
        return "name what stands before every gold answer, or leave `after` out"
    return "put the row right or leave it out: the task that reads the file stops at it"
