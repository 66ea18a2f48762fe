"""Expressions that have no value for some completion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.cot import witness
from cotspec.cot.expr.bounds import FaultKind
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.passes.rewards import judged, valued

_STAGE = "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve"
_SOLVED = "(1 if correct else 0)"

RULE = Rule(
    slug="reward-undefined",
    claim="A reward has a value for every completion.",
    why="A completion that cannot be scored is left out of its group and learns nothing: an empty answer that divides "
    "by zero is not punished. Shown by measures for which the reward itself gave no value.",
    failing=f"stages: {{first: {{{_STAGE}, reward: {{terms: {{a: {{value: {_SOLVED} / words}}}}}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, reward: {{terms: {{a: {{value: '{_SOLVED} / max(words, 1)'}}}}}}}}}}\n",
)

_ADVICE: Final[dict[FaultKind, str]] = {
    "zero": "keep the divisor from 0, as in `max(words, 1)`, or ask first: `… if words > 0 else 0`",
    "log": "keep the argument above 0, as in `log(1 + words)`",
    "sqrt": "keep the argument from falling below 0, as in `sqrt(max(…, 0))`",
    "power": "keep the base from falling below 0, or use a whole exponent",
    "limits": "keep the lower limit below the upper one",
    "large": "keep the exponent small, or bound the argument with `clip`",
}


def check(context: Context) -> Iterator[Diagnostic]:
    """Every part of a reward that may have no value, where a completion shows that it has none."""
    for one in judged(context):
        for part, kind in one.analysis.faults:
            found = witness.undefined(one.analysis, part, kind)
            if found is not None:
                names = one.analysis.names(witness.cause(part, kind)[0].tree)
                where = f" where {valued(found.measures, names)}" if names else ""
                yield finding(RULE, one.span(part), f"{found.said}{where}", _ADVICE[kind])
