"""Task `teach`: problems → rollouts.jsonl, `sampling.n` samples of the teacher for each question, in order."""

from __future__ import annotations

from pathlib import Path

from cotspec.cot.prompting import render
from cotspec.runtime import generate, lines
from cotspec.runtime.progress import say
from cotspec.runtime.records import Problem, Rollout
from cotspec.runtime.task import Task
from cotspec.spec.payload import TeachBody


def run(task: Task, work: Path, result: Path) -> None:
    """Sample the teacher. A killed run goes on after the batches it finished."""
    body = task.body(TeachBody)
    problems = lines.read(task.input("problems"), Problem)
    asked = [(problem, sample) for problem in problems for sample in range(body.sampling.n)]
    requests = [
        generate.Request(key=f"{problem.id}:{sample}", prompt=render(body.prompt, question=problem.question, trace=""))
        for problem, sample in asked
    ]
    job = generate.Job(what="teacher rollouts", sampling=body.sampling, seed=body.seed, partial=work / "partial.jsonl")
    answers = generate.generate(task, body.model, requests, job)
    rollouts = [
        Rollout(
            id=problem.id,
            question=problem.question,
            answer=problem.answer,
            text=answer.text,
            tokens=answer.tokens,
            truncated=answer.truncated,
        )
        for (problem, _), answer in zip(asked, answers, strict=True)
    ]
    lines.write(result / "rollouts.jsonl", rollouts)
    cut = sum(rollout.truncated for rollout in rollouts)
    mean = sum(rollout.tokens for rollout in rollouts) / max(1, len(rollouts))
    say(f"{len(rollouts)} rollouts, {mean:.0f} tokens on average, {cut} cut at the token limit")
