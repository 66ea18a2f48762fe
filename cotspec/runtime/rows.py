"""Task `rows`: traces (failures, pairs) → rows.jsonl, what a stage trains on, in that order. The rules are the
kernel's."""

from __future__ import annotations

from pathlib import Path

from cotspec.cot.prompting import PromptError
from cotspec.cot.rows import Counts, PairRecord, TraceRecord, build
from cotspec.cot.units import UnitError
from cotspec.runtime import lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress, say
from cotspec.runtime.task import Task
from cotspec.spec.payload import RowsBody


def run(task: Task, _work: Path, result: Path) -> None:
    """Build the rows of all epochs."""
    body = task.body(RowsBody)
    (role,) = task.payload.inputs
    records: list[TraceRecord] = list(lines.read(task.input(role), PairRecord if body.by == "dpo" else TraceRecord))
    counts = Counts()
    try:
        with Progress("rows", 0) as progress:
            written = lines.write(
                result / "rows.jsonl",
                build(body, records, counts, report=lambda done, total: _show(progress, done, total)),
            )
    except (PromptError, UnitError) as error:
        raise TaskError(str(error)) from error
    lines.write_json(result / "counts.json", counts.record())
    if not written:
        raise TaskError(f"no row could be built from {len(records)} records: {_dropped(counts)}")
    say(f"{written} rows from {counts.records} records{_dropped(counts)}")


def _show(progress: Progress, done: int, total: int) -> None:
    progress.total = total
    progress.update(done)


def _dropped(counts: Counts) -> str:
    told = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(counts.dropped.items()))
    return f"; dropped: {told}" if told else ""
