"""Bytes on disk: what a task leaves in `out/`, and what it needs beside that while it runs.

Knows neither time nor memory.
"""

from __future__ import annotations

from typing import Final

from cotspec.ir.plan import Task
from cotspec.passes.cost import clock, decoding, learning, memory, speed
from cotspec.passes.cost.amounts import Amount
from cotspec.passes.cost.flow import Flow
from cotspec.passes.cost.learning import TrainBody
from cotspec.passes.cost.speech import CHARACTERS
from cotspec.spec import payload

RECORD: Final = 90
"""Bytes of a line of JSON beside its texts: names, numbers, the answer (measured)."""
PROBLEM: Final = 45
"""The same for a line of problems.jsonl."""
LOG: Final = 300
"""Bytes of a step in log.jsonl (measured)."""
MEASURES: Final = 1_500
"""Bytes of metrics.json, counts.json and the like (measured)."""


def out(task: Task, flow: Flow) -> Amount:
    """Bytes of a task's out/."""
    match task.body:
        case payload.SftBody() | payload.GrpoBody() as body:
            return _models(task, body, flow)
        case payload.TeachBody() | payload.EvaluateBody():
            return _generated(task, flow)
        case payload.RowsBody():
            return _rows(task, flow)
        case payload.DataBody() | payload.TracesBody():
            return _records(task, flow)
        case payload.MineBody():
            return _failures(task, flow)
        case _:
            return Amount(MEASURES, "a few lines", "measured")


def _models(task: Task, body: TrainBody, flow: Flow) -> Amount:
    model, done, width = flow.model(task), learning.steps(task, body, flow), speed.bytes_of(body.precision)
    if model is None:
        return Amount(None, "N × bytes", "not known: the size of the model")
    kept = _kept(body.keep, None if done is None else done.optimizer)
    one = model.parameters * width + model.tokenizer
    beside = "tokenizer" if model.tokenizer else "tokenizer (its size is not known)"
    if kept is None:
        source = f"{model.source}; not known: how many checkpoints there will be"
        return Amount(one, f"{width}·N ({body.precision}) + {beside}", source, "at least")
    log = LOG * done.optimizer if done else 0.0
    copies = f"{1 + kept:,.0f} × " if kept else ""
    return Amount((1 + kept) * one + log, f"{copies}({width}·N in {body.precision} + {beside}) + log", model.source)


def _kept(keep: payload.Checkpoint, steps: float | None) -> float | None:
    """Checkpoints beside the final weights; None when it depends on an unknown number of steps."""
    match keep:
        case payload.Final():
            return 0.0
        case payload.AtStep():
            return 1.0
        case payload.Best(every=every):
            return None if steps is None else steps // every


def _generated(task: Task, flow: Flow) -> Amount:
    tokens, requests = clock.tokens(task, flow), decoding.asked(task, flow).requests.value
    if tokens.value is None or requests is None:
        return tokens._replace(formula="tokens × characters")
    ratio, question = _ratio(flow, task), flow.question(task) or 0.0
    value = tokens.value * ratio + requests * (RECORD + question)
    formula = f"tokens × {ratio:.2f} characters + questions + {RECORD} bytes a line"
    return Amount(value, formula, tokens.source, tokens.limit)


def _rows(task: Task, flow: Flow) -> Amount:
    rows = flow.rows(task)
    if rows.total.value is None or rows.prompt is None:
        return Amount(None, "rows × characters", "not known before there are traces")
    each = (rows.prompt + (rows.target or 0.0)) * _ratio(flow, task) + RECORD
    return Amount(rows.total.value * each, "rows × characters", f"{rows.total.text}, {rows.text}", rows.total.limit)


def _records(task: Task, flow: Flow) -> Amount:
    """Problems or traces."""
    total, speech = flow.questions(task), flow.speech(task)
    question = flow.question(task)
    if total.value is None or question is None or (isinstance(task.body, payload.TracesBody) and speech is None):
        return Amount(None, "lines × characters", "not known before it has run")
    each = question + (speech.tokens * speech.ratio + RECORD if speech else PROBLEM)
    return Amount(total.value * each, "lines × characters", total.text, total.limit)


def _failures(task: Task, flow: Flow) -> Amount:
    body, speech, failures = task.body, flow.speech(task), flow.failures(task)
    if failures.value is None or speech is None or not isinstance(body, payload.MineBody):
        return Amount(None, "failures × characters", "not known before there are traces")
    each = speech.question + (1 + body.attempts) * speech.tokens * speech.ratio + RECORD
    return Amount(failures.value * each, "failures × (trace + attempts)", failures.text, failures.limit)


def _ratio(flow: Flow, task: Task) -> float:
    speech = flow.speech(task)
    return speech.ratio if speech else CHARACTERS


def scratch(task: Task, flow: Flow) -> Amount:
    """Bytes a task needs while it runs beside its result; a finished task leaves none."""
    body, model = task.body, flow.model(task)
    if not isinstance(body, TrainBody):
        return Amount(0.0, "no more than its result", "")
    if model is None:
        return Amount(None, "checkpoints × N", "not known: the size of the model")
    if body.lora.r:
        return Amount(0.0, "adapters and their moments only", model.source)
    one = 4 + memory.moments(body.trainer)
    formula = f"2 checkpoints × {one}·N (weights and optimizer) + 4·N (weights before they are converted)"
    return Amount((2 * one + 4) * model.parameters, formula, model.source)
