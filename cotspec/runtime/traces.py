"""Task `traces`: rollouts.jsonl → traces.jsonl, the rollouts that pass the filter, at most one per question."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from cotspec.cot.answers import correct
from cotspec.cot.measures import words
from cotspec.cot.picking import pick
from cotspec.cot.rows import TraceRecord
from cotspec.cot.segment import segment
from cotspec.runtime import lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress, say
from cotspec.runtime.records import Rollout
from cotspec.runtime.task import Task
from cotspec.spec.payload import TracesBody


def run(task: Task, _work: Path, result: Path) -> None:
    """Filter. Every rollout is kept or counted under the first reason it was dropped for."""
    body = task.body(TracesBody)
    rollouts = lines.read(task.input("rollouts"), Rollout)
    good: dict[int, list[Rollout]] = {}
    dropped: Counter[str] = Counter()
    with Progress("traces", len(rollouts)) as progress:
        for done, rollout in enumerate(rollouts, 1):
            reason = _fault(rollout, body)
            if reason:
                dropped[reason] += 1
            else:
                good.setdefault(rollout.id, []).append(rollout)
            progress.update(done)
    if not good:
        raise TaskError(f"none of {len(rollouts)} rollouts passed the filter: {_list(dropped)}")
    kept = [_record(_picked(several, body), body) for several in good.values()]
    if extra := sum(map(len, good.values())) - len(kept):
        dropped["question_has_one"] = extra
    lines.write(result / "traces.jsonl", kept)
    counts = {"rollouts": len(rollouts), "traces": len(kept), "dropped": dict(sorted(dropped.items()))}
    lines.write_json(result / "counts.json", counts)
    say(f"{len(kept)} traces of {len(rollouts)} rollouts" + (f"; dropped: {_list(dropped)}" if dropped else ""))


def _fault(rollout: Rollout, body: TracesBody) -> str:
    """Why a rollout is no trace; "" when it is one. `at_most` 0 or below is no bound."""
    if rollout.truncated:
        return "truncated"
    if body.answer == "correct" and not correct(rollout.text, rollout.answer, body.format):
        return "wrong_answer"
    steps = len(segment(rollout.text, body.format).steps)
    if steps < body.at_least:
        return "too_few_steps"
    return "too_many_steps" if 0 < body.at_most < steps else ""


def _picked(several: list[Rollout], body: TracesBody) -> Rollout:
    """The one rollout of a question that becomes its trace."""
    return several[pick(body.pick, [rollout.tokens for rollout in several], question=several[0].id)]


def _record(rollout: Rollout, body: TracesBody) -> TraceRecord:
    return TraceRecord(
        id=rollout.id,
        question=rollout.question,
        answer=rollout.answer,
        trace=rollout.text,
        steps=len(segment(rollout.text, body.format).steps),
        words=words(rollout.text),
        tokens=rollout.tokens,
    )


def _list(dropped: Counter[str]) -> str:
    return ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(dropped.items()))
