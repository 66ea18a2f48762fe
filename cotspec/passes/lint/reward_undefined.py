"""Expressions that have no value for some completion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.passes.rewards import judged, valued

_STAGE = "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve"
_SOLVED = "(1 if correct else 0)"

RULE = Rule(
    slug="reward-undefined",
    claim="A reward has a value for every response that can be written.",
    why="A completion that cannot be scored is left out of its group and learns nothing: an empty answer that divides "
    "by zero is not punished. Shown by a response that was tried, for which the reward itself gave no value.",
    failing=f"stages: {{first: {{{_STAGE}, reward: {{terms: {{a: {{value: {_SOLVED} / words}}}}}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, reward: {{terms: {{a: {{value: '{_SOLVED} / max(words, 1)'}}}}}}}}}}\n",
)

_ADVICE: Final = (
    ("zero", "keep the divisor from 0, as in `max(words, 1)`, or ask first: `… if words > 0 else 0`"),
    ("logarithm", "keep the argument above 0, as in `log(1 + words)`"),
    ("square root", "keep the argument from falling below 0, as in `sqrt(max(…, 0))`"),
    ("power", "keep the base from falling below 0, or use a whole exponent"),
    ("limit", "keep the lower limit below the upper one"),
    (
        "usable",
        "ask first (`group.right_words`: `… if group.correct > 0 else 0`; `rank`: `… if correct else 0`), or put "
        "it behind a gate on `correct`",
    ),
    ("too large", "keep the exponent small, or bound the argument with `clip`"),
)
"""A word of what went wrong → what to do."""


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every part of a reward that had no value for some response that was tried."""
    for one in judged(context):
        for undefined in one.trial.undefined:
            part = undefined.part
            where = f" where {valued(undefined.measures, undefined.reads)}" if undefined.reads else ""
            span = one.context.source.key(one.path) if part is None else one.span(part)
            said = undefined.said.rpartition("`")[2]
            advice = next((help for word, help in _ADVICE if word in said), "")
            yield finding(RULE, span, f"{undefined.said}{where}", advice)
