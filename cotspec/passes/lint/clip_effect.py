"""Clipping of a ratio that is always 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning
from cotspec.spec.experiment import Grpo

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

_OF_TRL: Final = ("epsilon_high", "delta", "importance_sampling_level", "off_policy_mask_threshold")


def check(context: Context) -> Iterator[Diagnostic]:
    """Every grpo stage of one iteration."""
    for path, name, stage in context.stages():
        if not isinstance(stage.train, Grpo) or stage.train.iterations > 1:
            continue
        for key in ((*path, "train", "clip"), *((*path, "train", "trainer", name) for name in _OF_TRL)):
            # vLLM's own probabilities differ a little, and the mask is of that difference too.
            compared = key[-1] == "off_policy_mask_threshold" and context.resources(name).vllm
            if key in context.source.keys and not compared:
                message = f"`{key[-1]}` has no effect with `iterations: 1`, where the ratio is always 1"
                yield warning(RULE, context.source.key(key), message, "raise `iterations`, or leave it out")
