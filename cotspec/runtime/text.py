"""Task `text`: the records of other texts → rollouts.jsonl, `sampling.n` texts for each of them, in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cotspec.cot import asked
from cotspec.cot.records import TextRecord
from cotspec.runtime import generate, lines
from cotspec.runtime.engine import Completion
from cotspec.runtime.records import LaterRollout
from cotspec.runtime.rollouts import write
from cotspec.runtime.task import Task
from cotspec.runtime.tries import sliced
from cotspec.spec.payload import TextBody


def run(task: Task, work: Path, result: Path) -> None:
    """Write them. A killed run goes on after the batches it finished."""
    body = task.body(TextBody)
    records = sliced(lines.read(task.input("traces"), TextRecord), body.slice, what="records")
    each = [(record, sample) for record in records for sample in range(body.sampling.n)]
    requests = [
        generate.Request(key=_key(record, sample), prompt=asked.over(body.prompt, record)) for record, sample in each
    ]
    job = generate.Job(what="texts", sampling=body.sampling, seed=body.seed, partial=work / "partial.jsonl")
    if body.revise:
        from cotspec.runtime import revise  # here: most texts are written anew

        answers: Sequence[Completion | None] = revise.continued(
            task, body, requests, [record.trace for record, _ in each], job
        )
    else:
        answers = generate.written(task, body.model, requests, job)
    rollouts = [
        LaterRollout(
            id=record.id,
            question=record.question,
            answer=record.answer,
            text=answer.text,
            tokens=answer.tokens,
            truncated=answer.truncated,
            of=record.sample,
            before=(record.trace, *record.before),
            before_tokens=(record.tokens, *record.before_tokens),
        )
        for (record, _), answer in zip(each, answers, strict=True)
        if answer is not None
    ]
    write(result, rollouts, what="texts")


def _key(record: TextRecord, sample: int) -> str:
    """Picks the random numbers of a text: the first texts of two questions, and two of one, differ."""
    return f"{record.id}:{record.sample}:{sample}" if record.sample else f"{record.id}:{sample}"
