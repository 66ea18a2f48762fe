"""Task `gate`: which checkpoint of a stage goes on, and whether it may → gate.json. The rules are the kernel's."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from cotspec.cot.gates import Candidate, Decision, GateError, Verdict, decide
from cotspec.files import plain
from cotspec.runtime import evaluate, generate, lines, models
from cotspec.runtime.errors import StoppedError, TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.records import Problem
from cotspec.runtime.task import Task
from cotspec.spec.payload import Best, GateBody

_STEP = re.compile(r"\d{1,12}")
"""Name of a kept checkpoint's folder."""


def run(task: Task, work: Path, result: Path) -> None:
    """Decide. A gate that does not pass and says `stop` raises StoppedError and writes nothing."""
    body = task.body(GateBody)
    checkpoints = candidates(task.input("stage"))
    try:
        if _reads_valid(body):
            best = isinstance(body.checkpoint, Best) and body.checkpoint.metric.startswith("valid.")
            wanted = checkpoints if best else [_chosen(body, checkpoints)]
            measured = {candidate.path: _validated(task, body, candidate, work) for candidate in wanted}
            checkpoints = [measured.get(candidate.path, candidate) for candidate in checkpoints]
        verdict = decide(body.checkpoint, body.require, checkpoints)
    except GateError as error:
        raise TaskError(str(error)) from error
    _finish(body, verdict, result)


def candidates(stage: Path) -> list[Candidate]:
    """The checkpoints in a stage's out folder, with their `train.*` metrics (each has a metrics.json).

    The final weights come first, so that a kept checkpoint of the last step does not replace them.
    """
    record = lines.read_json(stage / "metrics.json")
    try:
        steps = plain.count(record.get("steps"))
    except plain.DataError as error:
        raise TaskError(f"metrics.json of the stage, `steps`: {error}") from error
    final = Candidate(path="model", step=steps, metrics=_numbers(record))
    folders = [folder for folder in stage.glob("checkpoints/*") if _STEP.fullmatch(folder.name)]
    kept = [
        Candidate(
            path=f"checkpoints/{folder.name}",
            step=int(folder.name),
            metrics=_numbers(lines.read_json(folder / "metrics.json")),
        )
        for folder in sorted(folders, key=lambda folder: int(folder.name))
    ]
    return [final, *(candidate for candidate in kept if candidate.step != final.step)]


def _numbers(record: dict[str, object]) -> dict[str, float]:
    return {name: float(value) for name, value in record.items() if isinstance(value, int | float) and "." in name}


def _reads_valid(body: GateBody) -> bool:
    metrics = [requirement.metric for requirement in body.require]
    metrics += [body.checkpoint.metric] if isinstance(body.checkpoint, Best) else []
    return any(metric.startswith("valid.") for metric in metrics)


def _chosen(body: GateBody, checkpoints: list[Candidate]) -> Candidate:
    path = decide(body.checkpoint, (), checkpoints).checkpoint
    return next(candidate for candidate in checkpoints if candidate.path == path)


def _validated(task: Task, body: GateBody, candidate: Candidate, work: Path) -> Candidate:
    """The candidate with its `valid.*` metrics, measured by generation on the validation problems."""
    problems = lines.read(task.input("problems"), Problem)
    folder, trust = task.input("stage") / candidate.path, body.trust_remote_code
    origin = models.ModelSource(folder=folder, chat=models.chat(body), trust_remote_code=trust)
    job = generate.Job(
        what=f"validation of {candidate.path}",
        sampling=body.sampling,
        seed=body.seed,
        partial=work / f"valid-{candidate.path.replace('/', '-')}.jsonl",
    )
    requests = evaluate.ask(problems, prompt=body.prompt, samples=body.sampling.n)
    answers = generate.from_source(task, origin, requests, job)
    summary = evaluate.summarise(evaluate.grade(problems, answers, body.format), samples=body.sampling.n)
    valid = {
        f"valid.{name}": float(value) for name, value in summary.record().items() if isinstance(value, int | float)
    }
    bad = f", {valid['valid.ungradable']:.0f} ungradable" if valid["valid.ungradable"] else ""
    told = f"validation accuracy {valid['valid.accuracy']:.1%}, {valid['valid.tokens']:.1f} tokens{bad}"
    say(f"{candidate.path}: {told}")
    return replace(candidate, metrics={**candidate.metrics, **valid})


def _finish(body: GateBody, verdict: Verdict, result: Path) -> None:
    for check in verdict.checks:
        say(_told(check))
    if not verdict.passed and body.otherwise == "stop":
        failed = "; ".join(_told(check) for check in verdict.checks if not check.passed)
        raise StoppedError(f"the gate stops the pipeline here: {failed}")
    lines.write_json(result / "gate.json", verdict.record())
    goes = "passed" if verdict.passed else "did not pass, and only warns"
    say(f"{goes}: {verdict.checkpoint} goes on ({verdict.reason})")


def _told(check: Decision) -> str:
    if check.measured is None:
        return check.problem
    word = "holds" if check.passed else "does not hold"
    return f"{check.metric} {check.op} {check.value:g} {word}: it is {check.measured:.4g}"
