"""Task `mine`: the traces whose question a model still gets wrong → failures.jsonl, counts.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from cotspec.cot.answers import grade
from cotspec.cot.judging import Grade
from cotspec.cot.mining import is_failure, summarise
from cotspec.cot.prompting import render
from cotspec.cot.rows import TraceRecord
from cotspec.cot.segment import segment
from cotspec.runtime import generate, lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.records import Failure
from cotspec.runtime.task import Task
from cotspec.spec.payload import MineBody


def run(task: Task, work: Path, result: Path) -> None:
    """Try every question `attempts` times and keep what failed, in the order of the traces."""
    body = task.body(MineBody)
    traces = _slice(lines.read(task.input("traces"), TraceRecord), body)
    requests = [
        generate.Request(key=f"{trace.id}:{attempt}", prompt=render(body.prompt, question=trace.question, trace=""))
        for trace in traces
        for attempt in range(body.attempts)
    ]
    job = generate.Job(what="attempts", sampling=body.sampling, seed=body.seed, partial=work / "partial.jsonl")
    texts = [answer.text for answer in generate.generate(task, body.model, requests, job)]
    tries = [texts[start : start + body.attempts] for start in range(0, len(texts), body.attempts)]
    graded = [
        [grade(segment(text, body.format), trace.answer) for text in own]
        for trace, own in zip(traces, tries, strict=True)
    ]
    found = zip(traces, tries, graded, strict=True)
    failures = [
        _failure(trace, own)
        for trace, own, right in found
        if is_failure([each is Grade.RIGHT for each in right], body.keep)
    ]
    if not failures:
        raise TaskError(f"the model failed none of {len(traces)} questions: the next stage has nothing to train on")
    lines.write(result / "failures.jsonl", failures)
    summary = summarise(graded, body.keep)
    lines.write_json(result / "counts.json", asdict(summary))
    told = f"{summary.correct_attempts} of {len(texts)} attempts were right"
    told += f", {summary.ungradable_attempts} ungradable" if summary.ungradable_attempts else ""
    say(f"{len(failures)} failures among {len(traces)} questions ({told})")


def _slice(traces: list[TraceRecord], body: MineBody) -> list[TraceRecord]:
    kept = traces[body.slice.first : None if body.slice.end < 0 else body.slice.end]
    if not kept:
        raise TaskError(f"the slice [{body.slice.first}, {body.slice.end}) of {len(traces)} traces is empty")
    return kept


def _failure(trace: TraceRecord, attempts: Sequence[str]) -> Failure:
    return Failure(
        id=trace.id,
        question=trace.question,
        answer=trace.answer,
        trace=trace.trace,
        steps=trace.steps,
        words=trace.words,
        tokens=trace.tokens,
        attempts=tuple(attempts),
    )
