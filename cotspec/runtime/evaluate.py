"""Task `evaluate`: a model on held-out problems → predictions.jsonl, metrics.json. Also what a gate measures with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cotspec.cot import answers as grading
from cotspec.cot.judging import Grade
from cotspec.cot.measures import formatted
from cotspec.cot.prompting import render
from cotspec.cot.segment import segment
from cotspec.cot.stats import wilson
from cotspec.runtime import generate, lines
from cotspec.runtime.engine import Completion
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.records import Prediction, Problem
from cotspec.runtime.task import Task
from cotspec.spec.payload import EvaluateBody, TraceFormat


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """metrics.json. Shares and means are over all `n` predictions; the interval is Wilson's at 95 %."""

    n: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    tokens: float
    """Mean generated tokens, the end-of-sequence token included."""
    formatted: float
    truncated: float
    ungradable: int
    """Answers that could not be compared with the gold answer; they count as wrong."""

    def record(self) -> dict[str, object]:
        """As JSON data."""
        return asdict(self)


def run(task: Task, work: Path, result: Path) -> None:
    """Answer all problems and grade the answers."""
    body = task.body(EvaluateBody)
    problems = lines.read(task.input("problems"), Problem)
    requests = ask(problems, prompt=body.prompt, samples=body.sampling.n)
    job = generate.Job(what="answers", sampling=body.sampling, seed=body.seed, partial=work / "partial.jsonl")
    answers = generate.generate(task, body.model, requests, job)
    predictions = grade(problems, answers, body.format)
    metrics = summarise(predictions)
    lines.write(result / "predictions.jsonl", predictions)
    (result / "metrics.json").write_bytes(lines.encode(metrics))
    say(
        f"accuracy {metrics.accuracy:.1%} [{metrics.accuracy_low:.1%}, {metrics.accuracy_high:.1%}] on {metrics.n}, "
        f"{metrics.tokens:.1f} tokens, {metrics.formatted:.1%} well-formed"
        + (f"; {metrics.ungradable} ungradable answers count as wrong" if metrics.ungradable else "")
    )


def ask(problems: Sequence[Problem], *, prompt: str, samples: int) -> list[generate.Request]:
    """The requests, `samples` for each problem, next to each other."""
    return [
        generate.Request(key=f"{problem.id}:{sample}", prompt=render(prompt, question=problem.question, trace=""))
        for problem in problems
        for sample in range(samples)
    ]


def grade(problems: Sequence[Problem], answers: Sequence[Completion], fmt: TraceFormat) -> list[Prediction]:
    """One prediction per answer, in order; `answers` holds the same number for each problem."""
    samples = len(answers) // max(1, len(problems))
    return [
        _graded(problem, answer, fmt)
        for index, problem in enumerate(problems)
        for answer in answers[index * samples : (index + 1) * samples]
    ]


def _graded(problem: Problem, answer: Completion, fmt: TraceFormat) -> Prediction:
    trace = segment(answer.text, fmt)
    found = grading.grade(trace, problem.answer)
    return Prediction(
        id=problem.id,
        question=problem.question,
        answer=problem.answer,
        text=answer.text,
        tokens=answer.tokens,
        correct=found is Grade.RIGHT,
        ungradable=found is Grade.UNGRADABLE,
        formatted=formatted(trace),
        truncated=answer.truncated,
    )


def summarise(predictions: Sequence[Prediction]) -> Metrics:
    """Shares and means. Raises TaskError without predictions: an empty evaluation has no accuracy."""
    n = len(predictions)
    if not n:
        raise TaskError("there is nothing to evaluate: problems.jsonl is empty")
    right = sum(prediction.correct for prediction in predictions)
    low, high = wilson(right, n)
    return Metrics(
        n=n,
        accuracy=right / n,
        accuracy_low=low,
        accuracy_high=high,
        tokens=sum(prediction.tokens for prediction in predictions) / n,
        formatted=sum(prediction.formatted for prediction in predictions) / n,
        truncated=sum(prediction.truncated for prediction in predictions) / n,
        ungradable=sum(prediction.ungradable for prediction in predictions),
    )
