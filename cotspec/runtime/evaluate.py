"""Task `evaluate`: a model on held-out problems → predictions.jsonl, metrics.json. Also what a gate measures with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cotspec.cot import answers as grading
from cotspec.cot import signal
from cotspec.cot.grading_rules import Grade
from cotspec.cot.measures import formatted
from cotspec.cot.prompting import render
from cotspec.cot.segment import segment
from cotspec.cot.stats import clustered, pass_at
from cotspec.runtime import generate, lines
from cotspec.runtime.engine import Completion
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.records import Prediction, Problem
from cotspec.runtime.task import Task
from cotspec.spec.payload import EvaluateBody, TraceFormat


@dataclass(frozen=True, kw_only=True)
class PassAt:
    """pass@k: the mean share of the draws of `k` answers to a question that hold a right one, and its 95 % interval."""

    k: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """metrics.json. Shares and means are over all answers to `n` questions; the interval is Wilson's at 95 %, clustered
    by question where each has several answers."""

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
    samples: int = 1
    """Answers to each question; accuracy is then avg@samples."""
    pass_at: tuple[PassAt, ...] = ()
    """For the powers of two up to `samples`, and for all of them; () with one answer to each question."""

    def record(self) -> dict[str, object]:
        """As JSON data; one answer to each question is not worth a word."""
        several = asdict(self)
        return several if self.samples > 1 else {k: v for k, v in several.items() if k not in ("samples", "pass_at")}

    def told(self) -> str:
        """What a log says."""
        counted = f"avg@{self.samples}" if self.samples > 1 else "accuracy"
        passed = f", pass@{self.samples} {self.pass_at[-1].share:.1%}" if self.pass_at else ""
        cut = f", {signal.percent(self.truncated)} cut at the limit" if self.truncated else ""
        bad = f"; {self.ungradable} ungradable answers count as wrong" if self.ungradable else ""
        return (
            f"{counted} {self.accuracy:.1%} [{self.accuracy_low:.1%}, {self.accuracy_high:.1%}]{passed} on {self.n}, "
            f"{self.tokens:.1f} tokens, {self.formatted:.1%} well-formed{cut}{bad}"
        )


def run(task: Task, work: Path, result: Path) -> None:
    """Answer all problems and grade the answers."""
    body = task.body(EvaluateBody)
    problems = lines.read(task.input("problems"), Problem)
    requests = ask(problems, prompt=body.prompt, samples=body.sampling.n)
    job = generate.Job(what="answers", sampling=body.sampling, seed=body.seed, partial=work / "partial.jsonl")
    answers = generate.generate(task, body.model, requests, job)
    predictions = grade(problems, answers, body.format)
    metrics = summarise(predictions, samples=body.sampling.n)
    lines.write(result / "predictions.jsonl", predictions)
    (result / "metrics.json").write_bytes(lines.encode(metrics.record()))
    say(metrics.told())


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
    graded = grading.grade(trace, problem.answer)
    return Prediction(
        id=problem.id,
        question=problem.question,
        answer=problem.answer,
        text=answer.text,
        tokens=answer.tokens,
        correct=graded is Grade.RIGHT,
        ungradable=graded is Grade.UNGRADABLE,
        formatted=formatted(trace),
        truncated=answer.truncated,
    )


def summarise(predictions: Sequence[Prediction], *, samples: int) -> Metrics:
    """Shares and means, of so many answers to each question. Raises TaskError without predictions: an empty evaluation
    has no accuracy."""
    count = len(predictions)
    if not count:
        raise TaskError("there is nothing to evaluate: problems.jsonl is empty")
    right = [sum(each.correct for each in predictions[at : at + samples]) for at in range(0, count, samples)]
    low, high = clustered([number / samples for number in right], samples)
    return Metrics(
        n=len(right),
        accuracy=sum(right) / count,
        accuracy_low=low,
        accuracy_high=high,
        tokens=sum(prediction.tokens for prediction in predictions) / count,
        formatted=sum(prediction.formatted for prediction in predictions) / count,
        truncated=sum(prediction.truncated for prediction in predictions) / count,
        ungradable=sum(prediction.ungradable for prediction in predictions),
        samples=samples,
        pass_at=tuple(_pass_at(k, right, samples) for k in sorted({*_powers(samples), samples}) if k > 1),
    )


def _powers(most: int) -> Iterator[int]:
    return (1 << power for power in range(most.bit_length()))


def _pass_at(k: int, right: Sequence[int], samples: int) -> PassAt:
    """`right` are the right answers to each question."""
    shares = [pass_at(k, number, samples) for number in right]
    low, high = clustered(shares, samples)
    return PassAt(k=k, share=math.fsum(shares) / len(shares), low=low, high=high)
