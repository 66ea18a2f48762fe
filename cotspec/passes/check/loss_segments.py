"""What a stage supervises."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve, loss:"

RULE = Rule(
    slug="loss-segments",
    claim="The answer is supervised, and `masked` only where a mask hides something.",
    why="A student that is never taught to answer does not answer; `masked` without a mask supervises nothing.",
    failing=f"stages: {{first: {{{_STAGE} {{on: [masked, answer]}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{on: [step, answer]}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every loss."""
    for path, _, stage in context.stages():
        if stage.loss is None:
            continue
        where = (*path, "loss", "on")
        if "answer" not in stage.loss.on:
            advice = "add `answer`, unless a later stage teaches it"
            message = "the answer is not supervised"
            yield finding(RULE, context.source.value(where), message, advice, severity="warning")
        if "masked" in stage.loss.on and stage.mask is None:
            span = context.source.value((*where, stage.loss.on.index("masked")))
            yield finding(
                RULE, span, "`masked` supervises what a mask hides, and there is none", "add `mask:`, or use `step`"
            )
