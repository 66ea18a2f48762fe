"""Tries at the questions of traces, graded: what `mine` and `pairs` begin with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, TypeVar

from cotspec.cot import asked
from cotspec.cot.answers import grade
from cotspec.cot.pairing import Try
from cotspec.cot.records import TraceRecord
from cotspec.cot.segment import segment
from cotspec.runtime import generate, lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.task import Task
from cotspec.spec.payload import Range, TryBody

T = TypeVar("T")


class Tried(NamedTuple):
    """A trace, and the tries at its question in their order."""

    trace: TraceRecord
    tries: list[Try]


def tried(task: Task, body: TryBody, work: Path) -> list[Tried]:
    """Try every question of the slice `attempts` times, in the order of the traces."""
    traces = sliced(lines.read(task.input("traces"), TraceRecord), body.slice, what="traces")
    requests = [
        generate.Request(key=f"{trace.id}:{attempt}", prompt=asked.over(body.prompt, trace))
        for trace in traces
        for attempt in range(body.attempts)
    ]
    job = generate.Job(what="attempts", sampling=body.sampling, seed=body.seed, partial=work / "partial.jsonl")
    made = generate.generate(task, body.model, requests, job)
    each = [made[start : start + body.attempts] for start in range(0, len(made), body.attempts)]
    return [
        Tried(trace, [Try(a.text, grade(segment(a.text, body.format), trace.answer), a.truncated) for a in answers])
        for trace, answers in zip(traces, each, strict=True)
    ]


def sliced(records: list[T], slice: Range, *, what: str) -> list[T]:
    """The records that are asked about. Raises TaskError where there is none."""
    kept = records[slice.first : None if slice.end < 0 else slice.end]
    if not kept:
        raise TaskError(f"the slice [{slice.first}, {slice.end}) of {len(records)} {what} is empty")
    return kept
