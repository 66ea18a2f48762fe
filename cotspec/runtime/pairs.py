"""Task `pairs`: a right and a wrong answer of a model to the same question → pairs.jsonl, counts.json."""

from __future__ import annotations

from pathlib import Path

from cotspec.cot.grading_rules import Grade
from cotspec.cot.pairing import pair
from cotspec.cot.records import PairRecord
from cotspec.runtime import lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.rollouts import too_short
from cotspec.runtime.task import Task
from cotspec.runtime.tries import Tried, tried
from cotspec.spec.payload import PairsBody


def run(task: Task, work: Path, result: Path) -> None:
    """Try every question `attempts` times and pair the answers, in the order of the traces."""
    questions = tried(task, task.body(PairsBody), work)
    pairs = [
        PairRecord(**vars(each.trace), chosen=two[0], rejected=two[1])
        for each in questions
        if (two := pair(each.tries))
    ]
    counts = _counts(questions, len(pairs))
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    if not pairs:
        advice = too_short(counts["truncated_attempts"], counts["attempts"])
        raise TaskError(f"no question has both a right and a wrong answer that is whole: {told}{advice}")
    lines.write(result / "pairs.jsonl", pairs)
    lines.write_json(result / "counts.json", counts)
    say(told)


def _counts(questions: list[Tried], pairs: int) -> dict[str, int]:
    tries = [each for one in questions for each in one.tries]
    return {
        "questions": len(questions),
        "pairs": pairs,
        "attempts": len(tries),
        "correct_attempts": sum(each.grade is Grade.RIGHT for each in tries),
        "ungradable_attempts": sum(each.grade is Grade.UNGRADABLE for each in tries),
        "truncated_attempts": sum(each.truncated for each in tries),
    }
