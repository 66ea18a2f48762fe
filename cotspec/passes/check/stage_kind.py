"""Settings that belong to one way of training."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import Grpo, Sft

_STAGE = "start: base, rows: {from: teach}, task: solve, train:"

RULE = Rule(
    slug="stage-kind",
    claim="A grpo stage has a reward; an sft stage has none, and only it has a `loss`.",
    why="GRPO learns from rewards alone and SFT from targets alone; the other setting would count for nothing.",
    failing=f"stages: {{first: {{{_STAGE} {{by: grpo, lr: 1e-5}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{by: grpo, lr: 1e-5}}, "
    "reward: {terms: {a: {value: 1 if correct else 0}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every stage."""
    for path, name, stage in context.stages():
        if isinstance(stage.train, Grpo) and stage.reward is None:
            message = f"stage `{name}` trains by grpo and has no reward"
            yield finding(RULE, context.source.key((*path, "train")), message, "add `reward:` with `terms:`")
        if isinstance(stage.train, Sft) and stage.reward is not None:
            message = f"stage `{name}` trains by sft, which has no reward"
            yield finding(RULE, context.source.key((*path, "reward")), message, "leave it out, or train by grpo")
        if isinstance(stage.train, Grpo) and stage.loss is not None:
            message = f"stage `{name}` trains by grpo, which supervises no segments"
            yield finding(RULE, context.source.key((*path, "loss")), message, "leave it out, or train by sft")
