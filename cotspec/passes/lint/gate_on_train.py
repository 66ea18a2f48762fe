"""Transitions decided by what was measured on training rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning

_STAGE = (
    "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve, "
    "reward: {terms: {a: {value: 1 if correct else 0}}}, "
    "advance: {require:"
)

RULE = Rule(
    slug="gate-on-train",
    claim="What a model can do is measured on problems it was not trained on.",
    why="Accuracy, reward and loss on training rows rise as the rows are learnt by heart, and prompts of `complete` "
    "and `rewrite` show steps that nobody shows later. Form and length (`train.formatted`, `train.tokens`) say the "
    "same on any prompts; for the others hold out `data.valid` and read `valid.<metric>`.",
    failing=f"stages: {{first: {{{_STAGE} {{train.accuracy: '>= 0.5'}}}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{train.formatted: '>= 0.9'}}}}}}}}\n",
)

_LEARNT: Final = ("train.accuracy", "train.reward", "train.loss")


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every metric of every transition."""
    for decision in context.decisions():
        if decision.metric in _LEARNT:
            how = "chooses a checkpoint by" if decision.chooses else "is decided by"
            message = f"the transition {how} `{decision.metric}`, measured on the rows it was trained on"
            advice = "hold out `data.valid` and read `valid.accuracy`"
            yield warning(RULE, decision.span, message, advice)
