"""The reward section of a preview: what counts, and with a response every gate, name and term with its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cotspec.cot import measures as kernel
from cotspec.cot.breakdown import GateTrial, TermTrial
from cotspec.cot.conditions import OWN, called
from cotspec.cot.measures import AMONG
from cotspec.cot.rewards import weight_at
from cotspec.files.visible import visible
from cotspec.preview import wording
from cotspec.preview.canvas import Canvas, Run, Style
from cotspec.preview.content import Preview
from cotspec.preview.score import Scored
from cotspec.preview.wording import number
from cotspec.spec.payload import RewardedBody, RewardTerm

_NAME = 18


def section(preview: Preview, body: RewardedBody, canvas: Canvas) -> list[str]:
    """The whole section of a preview."""
    at = f"   weights at progress {number(preview.progress)}" if _moves(body) else ""
    head = [canvas.line(Run("Reward", "title"), Run(at, "dim"))]
    texts = preview.stage.texts
    if preview.scored is None:
        return [*head, *(named(line, texts) for line in _rules(preview, body, canvas))]
    measured = [canvas.line(Run("Measures", "title")), *_measures(preview.scored, preview.record.answer, canvas)]
    others = [name for name in preview.scored.unknown if name.partition(".")[0] in _judges(body)]
    asked = (_measure(preview.scored, canvas, name, "") for name in (*preview.asked_of_texts, *others))
    measured += [named(line, texts) for line in asked]
    return [*measured, "", *head, *(named(line, texts) for line in _score(preview.scored, canvas))]


def of_answer(scored: Scored, gold: str, canvas: Canvas) -> list[str]:
    """The section for an answer to a question that is no row of a stage."""
    measured = [canvas.line(Run("Measures", "title")), *_measures(scored, gold, canvas)]
    return [*measured, "", canvas.line(Run("Reward", "title")), *_score(scored, canvas)]


def named(line: str, texts: Sequence[str]) -> str:
    """A line with the names of texts as the spec has them, in place of those of payloads."""
    names = {called(depth): name for depth, name in enumerate(texts) if name}
    return re.sub(rf"\b{OWN}(_\d+)?(?=\.)", lambda match: names.get(match[0], match[0]), line)


def _judges(body: RewardedBody) -> list[str]:
    return [judge.name for judge in body.judges]


def _moves(body: RewardedBody) -> bool:
    return any(term.weight.first != term.weight.last for term in body.reward.terms)


# --- without a response -----------------------------------------------------------------------------------------------


def _rules(preview: Preview, body: RewardedBody, canvas: Canvas) -> Iterator[str]:
    record = preview.record
    tokens = f"{record.tokens:,} tokens" if preview.counted else "tokens not counted"
    if record.trace:
        yield _row(canvas, "teacher", Run(f"{record.steps} steps, {record.words:,} words, {tokens}"))
    drawn = f"{body.sampling.n} responses of at most {body.sampling.max_new_tokens:,} tokens, compared with one another"
    yield _row(canvas, "group", Run(drawn))
    if preview.stage.rows.by == "imitate":
        yield _row(canvas, "if none is right", Run("the teacher's trace is imitated in place of all of them"))
    if stop := wording.stop(body.sampling.stop):
        yield _row(canvas, "stop", Run(visible(stop)))
    for at, gate in enumerate(body.reward.gates, 1):
        yield _row(canvas, f"gate {at}", Run(f"{number(gate.reward)} unless {gate.unless}"))
    for let in body.reward.let:
        yield from _long(canvas, f"let {let.name}", let.value)
    for term in body.reward.terms:
        yield from _long(canvas, term.name, f"{_weight(term, preview.progress)} × {term.value}")
    own = ", or --try teacher" if record.trace else ""
    hint = f"score a response: --response TEXT, --response @FILE, --response - (stdin){own}"
    yield canvas.line(Run(f"   {hint}", "dim"))


def _weight(term: RewardTerm, progress: float) -> str:
    ramp = term.weight
    if ramp.first == ramp.last:
        return number(ramp.first)
    return f"{number(weight_at(ramp, progress))} ({number(ramp.first)} → {number(ramp.last)})"


# --- with a response --------------------------------------------------------------------------------------------------


def _measures(scored: Scored, gold: str, canvas: Canvas) -> Iterator[str]:
    answered = "it gives no answer" if scored.answer is None else f"it answers {visible(scored.answer)}"
    cannot = ", and the two cannot be compared (ungradable)" if scored.ungradable else ""
    notes = {"correct": f"{answered}; gold is {visible(gold)}{cannot}"}
    table = kernel.table(scored.trace.form)
    for name, each in table.items():
        if name in AMONG:
            if name in scored.measures or name in scored.unknown:  # where the reward asks for it
                yield _measure(scored, canvas, name, each.about)
            continue
        if each.of_prompt:
            continue  # shown beside the response's own
        note = notes.get(name, each.about if each.kind is bool else "")
        if (teachers := f"teacher_{name}") in table:
            of_teacher = scored.measures.get(teachers)
            note = f"the teacher's: {of_teacher:,}" if of_teacher is not None else scored.unknown.get(teachers, "")
        yield _measure(scored, canvas, name, note)


def _measure(scored: Scored, canvas: Canvas, name: str, note: str) -> str:
    if name not in scored.measures:
        return _row(canvas, name, Run(f"{'?':<6}  {visible(scored.unknown[name])}", "careful"))
    value = scored.measures[name]
    style: Style = "plain"
    if isinstance(value, bool):
        style = "good" if value else "bad"
    shown = (
        ("yes" if value else "no")
        if isinstance(value, bool)
        else number(value)
        if isinstance(value, float)
        else f"{value:,}"
    )
    return _row(canvas, name, Run(f"{shown:<6}", style), Run(f"  {note}" if note else "", "dim"))


def _score(scored: Scored, canvas: Canvas) -> Iterator[str]:
    parts = scored.breakdown
    for at, gate in enumerate(parts.gates, 1):
        yield _gate(gate, at, canvas)
    for let in parts.lets:
        value = "no value" if let.value is None else _value(let.value)
        yield _row(canvas, f"let {let.binding.name}", Run(value), Run(f"   {visible(let.binding.value)}", "dim"))
    decided = parts.score.gate is not None
    for term in parts.terms:
        yield from _term(term, canvas, counts=not decided)
    yield _total(scored, canvas)


def _gate(trial: GateTrial, at: int, canvas: Canvas) -> str:
    said: dict[str, Run] = {
        "passed": Run("passed", "good"),
        "failed": Run(f"failed: the reward is {number(trial.gate.reward)} and nothing else counts", "bad"),
        "not_reached": Run("not reached", "dim"),
        "unscorable": Run(f"cannot be scored: {visible(trial.problem)}", "careful"),
    }
    return _row(canvas, f"gate {at}", said[trial.outcome], Run(f"   unless {trial.gate.unless}", "dim"))


def _term(trial: TermTrial, canvas: Canvas, *, counts: bool) -> Iterator[str]:
    runs = [Run(f"cannot be scored: {visible(trial.problem)}", "careful")]
    if trial.value is not None and trial.product is not None:
        product = f"{_value(trial.value)} × {number(trial.weight)} = {number(trial.product)}"
        runs = [Run(product)] if counts else [Run(f"{product}   not counted", "dim")]
    yield _row(canvas, trial.term.name, *runs)
    if not _constant(trial.term.value):
        yield from canvas.paragraph([Run(visible(trial.term.value), "dim")], indent=_NAME + 4)


def _total(scored: Scored, canvas: Canvas) -> str:
    total, problem = scored.breakdown.score.total, scored.breakdown.score.problem
    if total is None and any(f"`{name}` has no usable value" in problem for name in scored.unseen):
        return _row(canvas, "total", Run(f"not known here: {visible(problem)}", "careful"), bold=True)
    if total is None:
        return _row(canvas, "total", Run(f"none, and training leaves it out: {visible(problem)}", "careful"), bold=True)
    return _row(canvas, "total", Run(number(total), "title"), bold=True)


# --- layout -----------------------------------------------------------------------------------------------------------


def _constant(expression: str) -> bool:
    try:
        float(expression)
    except ValueError:
        return False
    return True


def _value(value: float) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else number(value)


def _row(canvas: Canvas, name: str, *runs: Run, bold: bool = False) -> str:
    return canvas.line(Run(f"   {name:<{_NAME}} ", "title" if bold else "plain"), *runs)


def _long(canvas: Canvas, name: str, text: str) -> Iterator[str]:
    """A name and an expression that may take several lines."""
    first, *rest = canvas.paragraph([Run(visible(text))], indent=_NAME + 4)
    yield _row(canvas, name, Run(first.strip()))
    yield from rest
