"""Clipping of a ratio that is always 1."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, remarks, warning

_STAGE = (
    "start: base, rows: {from: teach}, task: solve, "
    "reward: {terms: {a: {value: 1 if correct else 0}}}, train: {by: grpo, lr: 1e-5"
)

RULE = Rule(
    slug="clip-effect",
    claim="What limits the importance ratio goes with `iterations` above 1.",
    why="Each batch of completions is written by the current weights. With `iterations: 1` they make one step, at "
    "which the ratio of new to old probability is exactly 1: clipping, in either form, never happens.",
    failing=f"stages: {{first: {{{_STAGE}, clip: 0.1}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, clip: 0.1, iterations: 2}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """What each stage's trainer says of its settings."""
    return remarks(context, RULE, warning)
