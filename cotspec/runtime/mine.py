"""Task `mine`: the traces whose question a model still gets wrong → failures.jsonl, counts.json."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from cotspec.cot.grading_rules import Grade
from cotspec.cot.mining import is_failure, summarise
from cotspec.runtime import lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.records import Failure
from cotspec.runtime.task import Task
from cotspec.runtime.tries import Tried, tried
from cotspec.spec.payload import MineBody


def run(task: Task, work: Path, result: Path) -> None:
    """Try every question `attempts` times and keep what failed, in the order of the traces."""
    body = task.body(MineBody)
    questions = tried(task, body, work)
    failures = [
        _failure(each) for each in questions if is_failure([a.grade is Grade.RIGHT for a in each.tries], body.keep)
    ]
    if not failures:
        raise TaskError(f"the model failed none of {len(questions)} questions: the next stage has nothing to train on")
    lines.write(result / "failures.jsonl", failures)
    summary = summarise([[a.grade for a in each.tries] for each in questions], body.keep)
    lines.write_json(result / "counts.json", asdict(summary))
    told = f"{summary.correct_attempts} of {summary.attempts} attempts were right"
    told += f", {summary.ungradable_attempts} ungradable" if summary.ungradable_attempts else ""
    say(f"{len(failures)} failures among {len(questions)} questions ({told})")


def _failure(question: Tried) -> Failure:
    return Failure(**vars(question.trace), attempts=tuple(each.text for each in question.tries))
