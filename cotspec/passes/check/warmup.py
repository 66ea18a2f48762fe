"""One length of warm-up."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding

_STAGE = "start: base, rows: {from: teach}, task: solve, train:"

RULE = Rule(
    slug="warmup",
    claim="Warm-up is given in steps or as a share, not both.",
    why="They contradict each other, and which one wins differs between trainers.",
    failing=f"stages: {{first: {{{_STAGE} {{by: sft, lr: 1e-5, warmup_steps: 80, warmup_ratio: 0.1}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{by: sft, lr: 1e-5, warmup_ratio: 0.1}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage."""
    for path, _, stage in context.stages():
        if stage.train.warmup_steps is not None and stage.train.warmup_ratio is not None:
            span = context.source.key((*path, "train", "warmup_ratio"))
            message = "`warmup_steps` and `warmup_ratio` are both given"
            yield finding(RULE, span, message, "keep one of them")
