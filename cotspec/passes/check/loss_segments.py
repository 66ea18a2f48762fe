"""What a stage supervises."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve, loss:"

RULE = Rule(
    slug="loss-segments",
    claim="`masked` is supervised only where a mask hides something.",
    why="It is what the prompt hides; without a mask it supervises nothing.",
    failing=f"stages: {{first: {{{_STAGE} [masked, answer]}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} [step, answer]}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every loss."""
    for path, _, stage in context.stages():
        if stage.loss is not None and "masked" in stage.loss and stage.mask is None:
            span = context.source.value((*path, "loss", stage.loss.index("masked")))
            message = "`masked` supervises what a mask hides, and there is none"
            yield finding(RULE, span, message, "add `mask:`, or use `step`")
