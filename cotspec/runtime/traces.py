"""Task `traces`: rollouts.jsonl → traces.jsonl, the rollouts that pass the filter, one per record or all.

A record is a question, or a text of a question that others are made over.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from cotspec.cot import conditions, distinct, voting
from cotspec.cot.answers import answer_of, grade
from cotspec.cot.expr import UnscorableError
from cotspec.cot.grading_rules import Grade
from cotspec.cot.measures import Value, words
from cotspec.cot.picking import Picked, best, picked
from cotspec.cot.records import UNKNOWN_TOKENS, TextRecord, TraceRecord, measured
from cotspec.cot.segment import segment
from cotspec.cot.thoughts import fit
from cotspec.runtime import lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress, say
from cotspec.runtime.records import LaterRollout, TracedProblem
from cotspec.runtime.rollouts import too_short
from cotspec.runtime.task import Task
from cotspec.spec.payload import TracesBody

_SHOWN = 300
"""Characters at either end of a rollout that is shown."""


def run(task: Task, _work: Path, result: Path) -> None:
    """Filter. Every rollout is kept or counted under the first reason it was dropped for."""
    body = task.body(TracesBody)
    rollouts = _rollouts(task)
    known, told_of_votes = _known(rollouts, body)
    good: dict[_Record, list[_Numbered]] = {}
    numbers: Counter[int] = Counter()
    dropped: Counter[str] = Counter()
    shown: dict[str, LaterRollout] = {}
    thoughts: Counter[str] = Counter()
    with Progress("traces", len(rollouts)) as progress:
        for done, raw in enumerate(rollouts, 1):
            fitted = fit(raw.text, body.format)
            rollout = replace(raw, text=fitted.text)
            thoughts[fitted.thoughts] += 1
            numbered = (rollout, numbers[rollout.id])
            reason = _fault(numbered, body, known)
            if reason:
                dropped[reason] += 1
                shown.setdefault(reason, rollout)
            else:
                good.setdefault((rollout.id, rollout.of), []).append(numbered)
            numbers[rollout.id] += 1
            progress.update(done)
    if not good:
        examples = [_example(reason, shown[reason], body) for reason, _ in dropped.most_common(1)]
        told = f"none of {len(rollouts)} rollouts passed the filter: {_list(dropped)}"
        told += too_short(dropped["truncated"], len(rollouts))
        raise TaskError("\n".join([told, *examples]))
    chosen = _chosen(list(good.values()), body, dropped)
    ties = 0
    if body.best_by:
        chosen, ties = _best(chosen, body, known, dropped)
    kept = [_record(each, body, known.scores) for each in chosen]
    lines.write(result / "traces.jsonl", kept)
    counts: dict[str, object] = {"rollouts": len(rollouts), "traces": len(kept)}
    counts |= {"dropped": dict(sorted(dropped.items()))} | ({"as_good_left_out": ties} if ties else {})
    counts |= {"votes": told_of_votes} if told_of_votes else {}
    del thoughts[""]
    if thoughts:
        counts |= {"thoughts": dict(sorted(thoughts.items()))}
    lines.write_json(result / "counts.json", counts)
    say(f"{len(kept)} traces of {len(rollouts)} rollouts" + (f"; dropped: {_list(dropped)}" if dropped else ""))
    if told_of_votes:
        say(f"of the votes: {_list(told_of_votes)}")
    if ties:
        say(f"{ties} of those left out are as good as the last that goes on: the first of equal ones do")
    if thoughts:
        say(f"thoughts ended with a closer of their own, which the format does not have: {_list(thoughts)}")


_Record = tuple[int, int]
"""A question's id, and which of its texts."""
_Numbered = tuple[LaterRollout, int]
"""A rollout, and which of its question's it is."""


def _rollouts(task: Task) -> list[LaterRollout]:
    """What a model wrote, or a data set has: nobody has counted the tokens of the latter."""
    if "rollouts" in task.payload.inputs:
        return lines.read(task.input("rollouts"), LaterRollout)
    return [
        LaterRollout(
            id=each.id,
            question=each.question,
            answer=each.answer,
            text=each.trace,
            tokens=UNKNOWN_TOKENS,
            truncated=False,
        )
        for each in lines.read(task.input("problems"), TracedProblem)
    ]


class _Known(NamedTuple):
    """What rollouts are among the others of their record, where somebody asks."""

    scores: Mapping[_Record, float]
    """The share of right ones, by record."""
    votes: Mapping[tuple[int, int], Mapping[str, Value]]
    """Who agrees, by question and number."""


def _known(rollouts: list[LaterRollout], body: TracesBody) -> tuple[_Known, Counter[str]]:
    """What is known of all rollouts, and what there is to tell of their votes."""
    asked = [each for each in (body.where, body.best_by) if each]
    by_score = any(conditions.reads(each, conditions.SCORE, body.format.form) for each in asked)
    known = _Known(_scores(rollouts, body, asked=by_score), {})
    if not any(conditions.asks_votes(each, body.format.form) for each in asked):
        return known, Counter()
    told: Counter[str] = Counter()
    votes: dict[tuple[int, int], Mapping[str, Value]] = {}
    numbers: Counter[int] = Counter()
    records: dict[_Record, list[_Numbered]] = {}
    for each in rollouts:
        records.setdefault((each.id, each.of), []).append((each, numbers[each.id]))
        numbers[each.id] += 1
    with Progress("votes", len(records)) as progress:
        for done, several in enumerate(records.values(), 1):
            ballot = voting.ballot([_answer(each, body) for each, _ in several])
            for (each, number), vote in zip(several, conditions.voted(ballot), strict=True):
                votes[each.id, number] = vote
            told["texts_without_a_vote"] += ballot.answers.count(None)
            told["records_with_answers_that_do_not_compare"] += not ballot.compared
            told["records_without_a_majority"] += not voting.decided(ballot.answers)
            progress.update(done)
    return known._replace(votes=votes), told


def _answer(rollout: LaterRollout, body: TracesBody) -> str | None:
    """The answer that a rollout votes for; one that was cut has none."""
    return None if rollout.truncated else answer_of(segment(fit(rollout.text, body.format).text, body.format))


def _scores(rollouts: list[LaterRollout], body: TracesBody, *, asked: bool) -> dict[_Record, float]:
    """The share of right rollouts of each record, where somebody may ask for it."""
    if not asked and not any(each.before for each in rollouts):
        return {}
    grades: dict[_Record, list[Grade]] = {}
    for each in rollouts:
        fitted = fit(each.text, body.format).text
        grades.setdefault((each.id, each.of), []).append(grade(segment(fitted, body.format), each.answer))
    return {record: conditions.score(given) for record, given in grades.items()}


def _fault(numbered: _Numbered, body: TracesBody, known: _Known) -> str:
    """Why a rollout is no trace; "" when it is one. `at_most` 0 or below is no bound."""
    rollout, _ = numbered
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
    try:
        return "" if _value(numbered, body, body.where, known) else "condition_not_met"
    except UnscorableError:
        return "condition_without_value"


def _chosen(records: list[list[_Numbered]], body: TracesBody, dropped: Counter[str]) -> list[_Numbered]:
    """The rollouts of every record that go on; the others are counted."""
    picks = [(several, _picked(several, body)) for several in records]
    chosen = [several[at] for several, pick in picks for at in pick.kept]
    if duplicates := sum(pick.duplicates for _, pick in picks):
        dropped["duplicate"] = duplicates
    if extra := sum(map(len, records)) - len(chosen) - duplicates:
        dropped["question_has_one" if body.most == 1 else "question_has_enough"] = extra
    return chosen


def _best(
    chosen: list[_Numbered], body: TracesBody, known: _Known, dropped: Counter[str]
) -> tuple[list[_Numbered], int]:
    """The best of all, and how many are left out that are as good; raises TaskError where none has a value."""
    valued, problem = list[tuple[_Numbered, float]](), ""
    for each in chosen:
        try:
            valued.append((each, float(_value(each, body, body.best_by, known))))
        except UnscorableError as error:
            problem = str(error)
    if not valued:
        raise TaskError(f"none of {len(chosen)} texts has a value to be best by (`keep.best.by`): {problem}")
    top = best([value for _, value in valued], body.best_n)
    if unknown := len(chosen) - len(valued):
        dropped["best_without_value"] = unknown
    if others := len(valued) - len(top.kept):
        dropped["not_among_best"] = others
    return [valued[at][0] for at in top.kept], top.ties


def _value(numbered: _Numbered, body: TracesBody, expression: str, known: _Known) -> Value:
    """What an expression over the texts of a record is. Raises UnscorableError."""
    rollout, number = numbered
    texts = [(rollout.text, rollout.tokens), *zip(rollout.before, rollout.before_tokens, strict=True)]
    measures = measured(texts, rollout.answer, body.format, expression)
    score, vote = known.scores.get((rollout.id, rollout.of), 0.0), known.votes.get((rollout.id, number), {})
    return conditions.value(expression, measures, score, body.format.form, vote=vote)


def _picked(several: list[_Numbered], body: TracesBody) -> Picked:
    """The rollouts of a record that go on."""
    lengths = [rollout.tokens for rollout, _ in several]
    keys = [distinct.key(rollout.text, body.distinct) for rollout, _ in several] if body.distinct else []
    return picked(body.pick, lengths, question=several[0][0].id, most=body.most, keys=keys)


def _record(numbered: _Numbered, body: TracesBody, scores: Mapping[_Record, float]) -> TraceRecord:
    rollout, number = numbered
    record = TraceRecord(
        id=rollout.id,
        question=rollout.question,
        answer=rollout.answer,
        trace=rollout.text,
        steps=len(segment(rollout.text, body.format).steps),
        words=words(rollout.text),
        tokens=rollout.tokens,
    )
    if not rollout.before and not body.several:
        return record
    return TextRecord(
        **vars(record),
        sample=number if body.several or rollout.of else 0,
        before=rollout.before,
        before_tokens=rollout.before_tokens,
        score=scores.get((rollout.id, rollout.of), 0.0),
    )


def _list(dropped: Counter[str]) -> str:
    return ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(dropped.items()))


def _example(reason: str, rollout: LaterRollout, body: TracesBody) -> str:
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


def _answered(rollout: LaterRollout, body: TracesBody) -> str:
    given = answer_of(segment(rollout.text, body.format))
    told = f"it gives no answer with `{body.format.answer}`" if given is None else f"it answers {given!r}"
    return f"{told}, and the gold answer is {rollout.answer!r}"


def _short(text: str) -> str:
    """Beginning and end of a text, indented."""
    if len(text) > 2 * _SHOWN:
        text = f"{text[:_SHOWN]}\n… {len(text) - 2 * _SHOWN} characters more …\n{text[-_SHOWN:]}"
    return textwrap.indent(text or "(an empty text)", "    ")
