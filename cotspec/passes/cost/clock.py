"""Wall time of a task and the tokens it generates, for every kind of task.

Knows tasks, flows and devices; not memory, not measured runs. The formulas are in `learning` and `decoding`.
"""

from __future__ import annotations

from typing import Final

from cotspec.ir.plan import Task
from cotspec.passes.cost import decoding, learning
from cotspec.passes.cost.amounts import Amount
from cotspec.passes.cost.devices import Device
from cotspec.passes.cost.flow import Flow
from cotspec.spec import payload

LIGHT: Final = 0.1
"""Seconds of a task without a model beside its rows (measured)."""
ROWS: Final = 7000.0
"""Rows built in a second (measured, one core)."""


def seconds(task: Task, flow: Flow, device: Device) -> Amount:
    """Wall time of a task, as the record of its last run counts it: without the start of the interpreter."""
    if isinstance(task.body, payload.SftBody | payload.GrpoBody):
        return learning.seconds(task, task.body, flow, device)
    if decoding.generates(task):
        return decoding.seconds(task, flow, device)
    return _light(task, flow)


def _light(task: Task, flow: Flow) -> Amount:
    if not isinstance(task.body, payload.RowsBody):
        return Amount(LIGHT, f"{LIGHT:g} s", "measured: tasks without a model")
    rows, formula = flow.rows(task).total, f"rows at {ROWS:,.0f} a second (measured)"
    if rows.value is None:
        return Amount(None, formula, "not known: how many rows there will be")
    return Amount(LIGHT + rows.value / ROWS, formula, rows.text, rows.limit)


def tokens(task: Task, flow: Flow) -> Amount:
    """Tokens a task generates."""
    body = task.body
    if isinstance(body, payload.GrpoBody):
        done = learning.steps(task, body, flow)
        if done is None:
            return Amount(None, "rows × group × tokens", "not known: how many rows there will be")
        return Amount(done.rows * body.group * done.target, "rows × group × tokens", done.text, done.limit)
    if not decoding.generates(task):
        return Amount(0.0, "it generates nothing", "")
    asked = decoding.asked(task, flow)
    if asked.requests.value is None or asked.completion.value is None:
        return Amount(None, "requests × tokens", decoding.missing(asked))
    value = asked.requests.value * asked.completion.value
    return Amount(value, "requests × tokens", f"{asked.requests.text} × {asked.completion.text}", decoding.limit(asked))
