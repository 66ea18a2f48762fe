"""Texts that lie there already, as estimates ask of them: those of a data file, or of an earlier run.

A file is read as a check reads it, as far as a check does, and once in a command for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cotspec.back import places
from cotspec.estimate.facts import Lines, Selected
from cotspec.history import data_files
from cotspec.history import traces as earlier
from cotspec.ir.plan import Task
from cotspec.spec.payload import DataBody, FileData, RowsBody

if TYPE_CHECKING:
    from cotspec.cot.records import TraceRecord
    from cotspec.cot.source_rows import Question

_MOST: Final = 200
"""Records that a condition is tried on: a share to 0.03, in about 0.1 s."""


def lines(task: Task, root: Path) -> Lines | None:
    """What the task of a data set will hand on, in numbers: its questions, and its texts where it has some. None where
    no file of the project tells."""
    questions = _questions(task, root)
    if not questions:
        return None
    texts = {"question": [len(each.question) for each in questions], "trace": [len(each.trace) for each in questions]}
    told = {name: lengths for name, lengths in texts.items() if any(lengths)}
    return Lines(
        file=task.reads["file"].file,
        total=len(questions),
        looked=len(questions),
        chars={name: sum(lengths) / len(questions) for name, lengths in told.items()},
        longest={name: float(max(lengths)) for name, lengths in told.items()},
        means={},
        largest={},
    )


def selected(task: Task, rows: RowsBody, root: Path) -> Selected | None:
    """What `rows` takes of its slice, by its condition, of the records of a task: of a data set, or of traces. None
    where they are not there yet, or nothing here can grade them."""
    from cotspec.cot import rows as kernel
    from cotspec.cot.answers import AnswerError

    sliced = _records(task, root)[rows.slice.first : rows.slice.end if rows.slice.end >= 0 else None]
    some = sliced[:: max(1, -(-len(sliced) // _MOST))]
    if not some:
        return None
    try:
        left = [len(record.trace) for record in some if kernel.selected(rows, record)]
    except (AnswerError, ValueError):
        return None
    every = sum(len(record.trace) for record in some) / len(some)
    return Selected(len(left) / len(some), sum(left) / len(left) / every if left and every else 1.0)


def _records(task: Task, root: Path) -> Sequence[TraceRecord]:
    if not isinstance(task.body, DataBody):
        traces = earlier.traces(task.id, root)
        return traces.records if traces else ()
    from cotspec.cot.records import UNKNOWN_TOKENS, TraceRecord

    return [
        TraceRecord(
            id=each.row,
            question=each.question,
            answer=each.answer,
            trace=each.trace,
            steps=0,
            words=0,
            tokens=UNKNOWN_TOKENS,
        )
        for each in _questions(task, root)
    ]


def _questions(task: Task, root: Path) -> Sequence[Question]:
    body = task.body
    if not isinstance(body, DataBody) or not isinstance(body.source, FileData):
        return ()
    slice = None if body.slice.end < 0 else (body.slice.first, body.slice.end)
    data = data_files.read(root / places.read_path(task.reads["file"]), body.source, slice, root)
    return () if data is None or data.reading is None else data.reading.questions
