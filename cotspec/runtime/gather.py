"""Task `gather`: the records of texts, several in one prompt → gathered.jsonl, a text for each."""

from __future__ import annotations

from pathlib import Path

from cotspec.cot import asked
from cotspec.cot.records import TextRecord
from cotspec.runtime import generate, lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.records import Gathered
from cotspec.runtime.task import Task
from cotspec.runtime.tries import sliced
from cotspec.spec.payload import GatherBody


def run(task: Task, work: Path, result: Path) -> None:
    """Write them. A killed run goes on after the batches it finished."""
    body = task.body(GatherBody)
    records = sliced(lines.read(task.input("traces"), TextRecord), body.slice, what="records")
    groups = [records[start : start + body.size] for start in range(0, len(records), body.size)]
    requests = [
        generate.Request(key=f"{at}:0", prompt=asked.gathered(body.prompt, group)) for at, group in enumerate(groups)
    ]
    job = generate.Job(what="gathered texts", sampling=body.sampling, seed=body.seed, partial=work / "partial.jsonl")
    answers = generate.generate(task, body.model, requests, job)
    gathered = [
        Gathered(
            ids=tuple(record.id for record in group),
            text=answer.text.strip(),
            tokens=answer.tokens,
            truncated=answer.truncated,
        )
        for group, answer in zip(groups, answers, strict=True)
    ]
    if not any(each.text for each in gathered):
        raise TaskError(f"all of {len(gathered)} texts are empty")
    cut, empty = sum(each.truncated for each in gathered), sum(not each.text for each in gathered)
    lines.write(result / "gathered.jsonl", gathered)
    counts = {"records": len(records), "texts": len(gathered), "truncated_texts": cut, "empty_texts": empty}
    lines.write_json(result / "counts.json", counts)
    say(f"{len(gathered)} texts over {len(records)} records, {cut} cut at the token limit, {empty} empty")
