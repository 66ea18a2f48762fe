"""Task `rows`: traces (failures, pairs) → rows.jsonl, what a stage trains on, in that order. The rules are the
kernel's."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from cotspec.cot.conditions import OF_PAYLOADS
from cotspec.cot.prompting import PromptError
from cotspec.cot.records import UNKNOWN_TOKENS, ComparedRecord, TextRecord, TraceRecord
from cotspec.cot.row_counts import Counts
from cotspec.cot.rows import build
from cotspec.cot.units import UnitError
from cotspec.runtime import lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress, say
from cotspec.runtime.records import Gathered, Problem
from cotspec.runtime.task import Task
from cotspec.spec.payload import RowsBody


def run(task: Task, _work: Path, result: Path) -> None:
    """Build the rows of all epochs."""
    body = task.body(RowsBody)
    roles = [role for role in task.payload.inputs if not OF_PAYLOADS.fullmatch(role)]
    records = _records(task, body, *roles)
    shared = {role: _together(task, role) for role in task.payload.inputs if role not in roles}
    counts = Counts()
    try:
        with Progress("rows", 0) as progress:
            written = lines.write(
                result / "rows.jsonl",
                build(body, records, counts, shared=shared, report=lambda done, total: _show(progress, done, total)),
            )
    except (PromptError, UnitError) as error:
        raise TaskError(str(error)) from error
    lines.write_json(result / "counts.json", counts.record())
    if not written:
        raise TaskError(f"no row could be built from {len(records)} records: {_dropped(counts)}")
    say(f"{written} rows from {counts.records} records{_dropped(counts)}")


def _together(task: Task, role: str) -> str:
    """Gathered texts, one after the other."""
    return "\n\n".join(each.text for each in lines.read(task.input(role), Gathered) if each.text)


def _records(task: Task, body: RowsBody, role: str) -> list[TraceRecord]:
    """The traces, failures or pairs that rows are made of; of a data set, its questions without any text."""
    if role == "problems":
        return [
            TraceRecord(**asdict(problem), trace="", steps=0, words=0, tokens=UNKNOWN_TOKENS)
            for problem in lines.read(task.input(role), Problem)
        ]
    return list(lines.read(task.input(role), ComparedRecord if body.by == "dpo" else TextRecord))


def _show(progress: Progress, done: int, total: int) -> None:
    progress.total = total
    progress.update(done)


def _dropped(counts: Counts) -> str:
    dropped = dict(counts.dropped) | ({"condition_not_met": counts.unmet} if counts.unmet else {})
    told = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(dropped.items()))
    return f"; dropped: {told}" if told else ""
