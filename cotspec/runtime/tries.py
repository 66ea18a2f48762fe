"""Tries at the questions of traces, graded: what `mine` and `pairs` begin with."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cotspec.cot.answers import grade
from cotspec.cot.pairing import Try
from cotspec.cot.prompting import render
from cotspec.cot.rows import TraceRecord, named
from cotspec.cot.segment import segment
from cotspec.runtime import generate, lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.task import Task
from cotspec.spec.payload import TryBody


class Tried(NamedTuple):
    """A trace, and the tries at its question in their order."""

    trace: TraceRecord
    tries: list[Try]


def tried(task: Task, body: TryBody, work: Path) -> list[Tried]:
    """Try every question of the slice `attempts` times, in the order of the traces."""
    traces = _slice(lines.read(task.input("traces"), TraceRecord), body)
    requests = [
        generate.Request(
            key=f"{trace.id}:{attempt}",
            prompt=render(body.prompt, question=trace.question, trace="", texts=named(trace)),
        )
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


def _slice(traces: list[TraceRecord], body: TryBody) -> list[TraceRecord]:
    kept = traces[body.slice.first : None if body.slice.end < 0 else body.slice.end]
    if not kept:
        raise TaskError(f"the slice [{body.slice.first}, {body.slice.end}) of {len(traces)} traces is empty")
    return kept
