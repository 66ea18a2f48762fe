"""Task `compare`: better and worse texts of one question → pairs.jsonl, counts.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from cotspec.cot import conditions, voting
from cotspec.cot.answers import answer_of, grade
from cotspec.cot.expr import UnscorableError
from cotspec.cot.grading_rules import Grade
from cotspec.cot.judges import verdict
from cotspec.cot.measures import Value, words
from cotspec.cot.pairing import compared
from cotspec.cot.records import ComparedRecord, TextRecord, counted, measured
from cotspec.cot.segment import segment
from cotspec.cot.thoughts import fit
from cotspec.runtime import lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress, say
from cotspec.runtime.records import LaterRollout
from cotspec.runtime.rollouts import too_short
from cotspec.runtime.task import Task
from cotspec.spec.payload import CompareBody


def run(task: Task, _work: Path, result: Path) -> None:
    """Value every text and pair those of each question, in the order of the questions."""
    body = task.body(CompareBody)
    rollouts = lines.read(task.input("rollouts"), LaterRollout)
    counts: Counter[str] = Counter(questions=len({each.id for each in rollouts}), pairs=0, texts=0)
    valued: dict[tuple[int, int], list[tuple[TextRecord, float]]] = {}
    for record, value in _valued(rollouts, body, counts):
        valued.setdefault((record.id, record.sample), []).append((record, value))
    pairs = [two for texts in valued.values() for two in compared(texts, gap=body.gap, most=body.most)]
    counts["pairs"] = len(pairs)
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    if not pairs:
        advice = too_short(counts["truncated_or_empty_texts"], counts["texts"])
        raise TaskError(f"no question has two texts of which one is better: {told}{advice}")
    numbers: Counter[int] = Counter()
    with (result / "pairs.jsonl").open("wb") as file:
        for better, worse in pairs:
            file.write(lines.encode(_record(better, worse, number=numbers[better.id])))
            numbers[better.id] += 1
    lines.write_json(result / "counts.json", dict(counts))
    say(told)


def _valued(
    rollouts: list[LaterRollout], body: CompareBody, counts: Counter[str]
) -> Iterator[tuple[TextRecord, float]]:
    """Each text that can be in a pair, with its value and, as `sample`, with which others it can; those that cannot are
    counted."""
    groups: dict[tuple[int, int], list[LaterRollout]] = {}
    for each in rollouts:
        groups.setdefault((each.id, each.of), []).append(each)
    form, at = body.format.form, body.target
    asks_score = conditions.reads(body.better, conditions.SCORE, form)
    asks_verdicts = at > 0 and conditions.about(body.better, form, depth=0)
    asks_votes = conditions.asks_votes(body.better, form)
    asks_correct = conditions.reads(body.better, "correct", form, depth=at)
    with Progress("texts", len(rollouts)) as progress:
        for done, group in enumerate(groups.values(), 1):
            records = [_fitted(each, body) for each in group]
            score = conditions.score([_grade(record, body) for record in records]) if asks_score else 0.0
            votes = _votes(group, records, body, counts) if asks_votes else [{} for _ in records]
            judged = _judged(group, records, body, score, counts) if asks_verdicts else None
            for each, record, vote in zip(group[:1] if at else group, records, votes, strict=False):
                compared = _aimed(record, body)
                counts["texts"] += 1
                if not compared.trace.strip() or (each.truncated and not at):
                    counts["truncated_or_empty_texts"] += 1
                elif asks_correct and _grade(compared, body) is Grade.UNGRADABLE:
                    counts["ungradable_texts"] += 1
                elif (value := judged if asks_verdicts else _value(record, body, score, vote)) is None:
                    counts["texts_without_value"] += 1
                else:
                    yield compared, value
            progress.update(done * len(rollouts) // len(groups))


def _votes(
    group: list[LaterRollout], records: list[TextRecord], body: CompareBody, counts: Counter[str]
) -> list[Mapping[str, Value]]:
    """Who agrees with each text of a record; one that was cut has no vote."""
    answers = [answer_of(segment(record.trace, body.format)) for record in records]
    ballot = voting.ballot([None if each.truncated else own for each, own in zip(group, answers, strict=True)])
    counts["texts_without_a_vote"] += ballot.answers.count(None)
    counts["records_with_answers_that_do_not_compare"] += not ballot.compared
    return conditions.voted(ballot)


def _judged(
    group: list[LaterRollout], records: list[TextRecord], body: CompareBody, score: float, counts: Counter[str]
) -> float | None:
    """The mean value of a text over all that was made over it; what leaves open what is asked, or was cut, has none,
    and is counted."""
    values = []
    for each, record in zip(group, records, strict=True):
        measures = measured(counted(record), record.answer, body.format, body.better)
        said = verdict(record.trace, tokens=record.tokens, gold=record.answer, fmt=body.format)
        try:
            asked = [{} if each.truncated else said, *measures[1:]]
            values.append(float(conditions.value(body.better, asked, score, body.format.form)))
        except UnscorableError:
            counts["verdicts_left_open"] += 1
    return fmean(values) if values else None


def _value(record: TextRecord, body: CompareBody, score: float, vote: Mapping[str, Value]) -> float | None:
    try:
        measures = measured(counted(record), record.answer, body.format, body.better)
        return float(conditions.value(body.better, measures, score, body.format.form, vote=vote))
    except UnscorableError:
        return None


def _fitted(rollout: LaterRollout, body: CompareBody) -> TextRecord:
    text = fit(rollout.text, body.format).text
    return TextRecord(
        id=rollout.id,
        question=rollout.question,
        answer=rollout.answer,
        trace=text,
        steps=len(segment(text, body.format).steps),
        words=words(text),
        tokens=rollout.tokens,
        sample=rollout.of,
        before=rollout.before,
        before_tokens=rollout.before_tokens,
    )


def _grade(record: TextRecord, body: CompareBody) -> Grade:
    return grade(segment(record.trace, body.format), record.answer)


def _aimed(record: TextRecord, body: CompareBody) -> TextRecord:
    """The record of the text that is in the pair: its own, or one that it was made over."""
    at = body.target
    if not at:
        return record
    text = record.before[at - 1]
    return replace(
        record,
        trace=text,
        steps=len(segment(text, body.format).steps),
        words=words(text),
        tokens=record.before_tokens[at - 1],
        sample=0,
        before=record.before[at:],
        before_tokens=record.before_tokens[at:],
    )


def _record(better: TextRecord, worse: TextRecord, *, number: int) -> ComparedRecord:
    return ComparedRecord(
        **(vars(better) | {"sample": number}), chosen=better.trace.rstrip(), rejected=worse.trace.rstrip()
    )
