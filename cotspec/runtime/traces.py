"""Task `traces`: rollouts.jsonl → traces.jsonl, the rollouts that pass the filter, at most one per question."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import replace
from pathlib import Path

from cotspec.cot import selecting
from cotspec.cot.answers import answer_of, grade, grades
from cotspec.cot.expr import UnscorableError
from cotspec.cot.judging import Grade
from cotspec.cot.measures import own, words
from cotspec.cot.picking import pick
from cotspec.cot.rows import TraceRecord
from cotspec.cot.segment import segment
from cotspec.cot.thoughts import fit
from cotspec.runtime import lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress, say
from cotspec.runtime.records import Rollout
from cotspec.runtime.task import Task
from cotspec.spec.payload import TracesBody

_SHOWN = 300
"""Characters at either end of a rollout that is shown."""


def run(task: Task, _work: Path, result: Path) -> None:
    """Filter. Every rollout is kept or counted under the first reason it was dropped for."""
    body = task.body(TracesBody)
    rollouts = lines.read(task.input("rollouts"), Rollout)
    scores = _scores(rollouts, body)
    good: dict[int, list[Rollout]] = {}
    dropped: Counter[str] = Counter()
    shown: dict[str, Rollout] = {}
    thoughts: Counter[str] = Counter()
    with Progress("traces", len(rollouts)) as progress:
        for done, raw in enumerate(rollouts, 1):
            fitted = fit(raw.text, body.format)
            rollout = replace(raw, text=fitted.text)
            thoughts[fitted.thoughts] += 1
            reason = _fault(rollout, body, scores)
            if reason:
                dropped[reason] += 1
                shown.setdefault(reason, rollout)
            else:
                good.setdefault(rollout.id, []).append(rollout)
            progress.update(done)
    if not good:
        examples = [_example(reason, shown[reason], body) for reason, _ in dropped.most_common(1)]
        raise TaskError("\n".join([f"none of {len(rollouts)} rollouts passed the filter: {_list(dropped)}", *examples]))
    kept = [_record(_picked(several, body), body) for several in good.values()]
    if extra := sum(map(len, good.values())) - len(kept):
        dropped["question_has_one"] = extra
    lines.write(result / "traces.jsonl", kept)
    counts: dict[str, object] = {"rollouts": len(rollouts), "traces": len(kept)}
    counts |= {"dropped": dict(sorted(dropped.items()))}
    del thoughts[""]
    if thoughts:
        counts |= {"thoughts": dict(sorted(thoughts.items()))}
    lines.write_json(result / "counts.json", counts)
    say(f"{len(kept)} traces of {len(rollouts)} rollouts" + (f"; dropped: {_list(dropped)}" if dropped else ""))
    if thoughts:
        say(f"thoughts ended with a closer of their own, which the format does not have: {_list(thoughts)}")


def _scores(rollouts: list[Rollout], body: TracesBody) -> dict[int, float]:
    """The share of right rollouts of each question, where the filter asks for it."""
    if not body.where or not selecting.reads(body.where, selecting.SCORE, body.format.form):
        return {}
    grades: dict[int, list[Grade]] = {}
    for each in rollouts:
        fitted = fit(each.text, body.format).text
        grades.setdefault(each.id, []).append(grade(segment(fitted, body.format), each.answer))
    return {question: selecting.score(given) for question, given in grades.items()}


def _fault(rollout: Rollout, body: TracesBody, scores: dict[int, float]) -> str:
    """Why a rollout is no trace; "" when it is one. `at_most` 0 or below is no bound."""
    if rollout.truncated:
        return "truncated"
    trace = segment(rollout.text, body.format)
    graded = grade(trace, rollout.answer) if body.answer == "correct" or body.where else None
    if body.answer == "correct" and graded is not None and graded is not Grade.RIGHT:
        return f"{graded.value}_answer"
    steps = len(trace.steps)
    if steps < body.at_least:
        return "too_few_steps"
    if 0 < body.at_most < steps:
        return "too_many_steps"
    if not body.where:
        return ""
    rights = frozenset(name for name, each in grades(trace, rollout.answer).items() if each is Grade.RIGHT)
    measured = own(trace, tokens=rollout.tokens, right=graded is Grade.RIGHT, rights=rights)
    try:
        met = selecting.meets(body.where, measured, scores.get(rollout.id, 0.0), body.format.form)
    except UnscorableError:
        return "condition_without_value"
    return "" if met else "condition_not_met"


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


def _example(reason: str, rollout: Rollout, body: TracesBody) -> str:
    """A rollout, shortened, with what the filter looked for and where that is set."""
    steps = len(segment(rollout.text, body.format).steps)
    match reason:
        case "truncated":
            told = f"it was cut after {rollout.tokens} tokens (`sampling.max_new_tokens`)"
        case "wrong_answer" | "ungradable_answer":
            told = f"{_answered(rollout, body)} (`keep.where`, `trace.answer.opens`)"
        case "too_few_steps":
            line = f"a line that begins like `{body.format.step.replace('{n}', '1')}` begins one"
            told = f"it has {steps} steps; {line} (`keep.where`, `trace.step.opens`, `prompt`)"
        case "too_many_steps":
            told = f"it has {steps} steps (`keep.where`)"
        case _:
            told = f"{reason.replace('_', ' ')} (`keep.where`)"
    return f"for example, {told}:\n{_short(rollout.text)}"


def _answered(rollout: Rollout, body: TracesBody) -> str:
    given = answer_of(segment(rollout.text, body.format))
    told = f"it gives no answer with `{body.format.answer}`" if given is None else f"it answers {given!r}"
    return f"{told}, and the gold answer is {rollout.answer!r}"


def _short(text: str) -> str:
    """Beginning and end of a text, indented."""
    if len(text) > 2 * _SHOWN:
        text = f"{text[:_SHOWN]}\n… {len(text) - 2 * _SHOWN} characters more …\n{text[-_SHOWN:]}"
    return textwrap.indent(text or "(an empty text)", "    ")
