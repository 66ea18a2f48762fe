"""Transitions decided by what was measured on training rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic, Span
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning
from cotspec.spec.experiment import Best

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
    """Every metric of every transition."""
    for path, _, stage in context.stages():
        if stage.advance is None:
            continue
        here = (*path, "advance")
        if isinstance(stage.advance.checkpoint, Best):
            span = context.source.value((*here, "checkpoint", "best"))
            yield from _metric(span, stage.advance.checkpoint.best, "chooses a checkpoint by")
        for metric in stage.advance.require:
            yield from _metric(context.source.key((*here, "require", metric)), metric, "is decided by")


def _metric(span: Span, metric: str, how: str) -> Iterator[Diagnostic]:
    if metric in _LEARNT:
        message = f"the transition {how} `{metric}`, measured on the rows it was trained on"
        advice = "hold out `data.valid` and read `valid.accuracy`"
        yield warning(RULE, span, message, advice)
