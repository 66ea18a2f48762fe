"""Task `teach`: problems → rollouts.jsonl, `sampling.n` samples of the teacher for each question, in order."""

from __future__ import annotations

from pathlib import Path

from cotspec.cot.prompting import render
from cotspec.runtime import generate, lines
from cotspec.runtime.records import Problem, Rollout
from cotspec.runtime.rollouts import write
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
    answers = generate.written(task, body.model, requests, job)
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
        if answer is not None
    ]
    write(result, rollouts, what="rollouts")
