"""Terms that leave the range they are said to have."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot import witness
from cotspec.cot.expr.interval import Interval
from cotspec.cot.reward_bounds import Part
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding, warning
from cotspec.passes.rewards import Judged, judged, valued

_STAGE = "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve"
_GATE = "gates: [{unless: correct, reward: -2}]"

RULE = Rule(
    slug="reward-range",
    claim="A term stays within the `range` it declares, for every completion that passes the gates.",
    why="Weights are balanced against each other by the ranges of their terms. `range` is proven here, once, from the "
    "limits of the spec; it is not looked at again while training.",
    failing=f"stages: {{first: {{{_STAGE}, reward: {{{_GATE}, "
    "terms: {a: {value: words / teacher_words, range: [0, 2]}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, reward: {{{_GATE}, "
    "terms: {a: {value: 'clip(words / teacher_words, 0, 2)', range: [0, 2]}}}}}\n",
)

_SLACK = 1e-9
"""Part of the width of a range that roundings may take."""


def check(context: Context) -> Iterator[Diagnostic]:
    """Every term with a range."""
    for one in judged(context):
        for name, term in one.reward.terms.items():
            value = one.analysis.terms[name]
            if term.range is not None and value is not None:
                yield from _term(one, name, term.range, value)


def _term(one: Judged, name: str, given: tuple[float, float], value: Interval) -> Iterator[Diagnostic]:
    slack = _SLACK * max(1.0, abs(given[0]), abs(given[1]))
    low, high = given[0] - slack, given[1] + slack
    if low <= value.low and value.high <= high:
        return
    parsed = one.analysis.parts["terms", name, "value"]
    part = Part(place=("terms", name, "value"), parsed=parsed, tree=parsed.tree)
    found = witness.outside(one.analysis, part, low, high)
    span = one.context.source.value((*one.path, "terms", name, "range"))
    told = f"[{given[0]:g}, {given[1]:g}]"
    if found is not None:
        measures, at = found
        names = one.analysis.names(part.tree)
        where = f" where {valued(measures, names)}" if names else ""
        yield finding(
            RULE, span, f"`{name}` leaves its range {told}: it is {at:.4g}{where}", "widen the range, or `clip`"
        )
    else:
        message = f"`{name}` cannot be shown to stay within {told}: its bounds are {value.low:.4g} and {value.high:.4g}"
        yield warning(RULE, span, message, "write `clip(…)` around the value, or widen the range")
