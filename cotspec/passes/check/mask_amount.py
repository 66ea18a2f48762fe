"""How much a mask hides."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import Mask, ShareRamp

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: complete"

RULE = Rule(
    slug="mask-amount",
    claim="A mask has `count` or `share`, and hides something; `select: all` and `inner` hide all they select.",
    why="Without an amount nothing is hidden, with two they contradict each other.",
    failing=f"stages: {{first: {{{_STAGE}, mask: {{count: 1, share: 0.5}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, mask: {{share: 0.5}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every mask."""
    for path, _, stage in context.stages():
        if stage.mask is not None:
            yield from _amount(context, (*path, "mask"), stage.mask)


def _amount(context: Context, path: Path, mask: Mask) -> Iterator[Diagnostic]:
    amounts = [key for key in ("count", "share") if getattr(mask, key) is not None]
    if mask.select in ("all", "inner"):
        for key in [*amounts, *(k for k in ("at_least",) if k in mask.model_fields_set)]:
            message = f"`{key}` has no effect with `select: {mask.select}`, which hides all it selects"
            yield finding(RULE, context.source.key((*path, key)), message, "leave it out")
    elif not amounts:
        advice = "add `count: 1` or `share: 0.5`"
        yield finding(RULE, context.source.key(path), "the mask does not say how much it hides", advice)
    elif len(amounts) > 1:
        message = "the mask has both `count` and `share`"
        yield finding(RULE, context.source.key((*path, "share")), message, "keep one of them")
    elif _nothing(mask):
        span = context.source.value((*path, amounts[0]))
        yield finding(RULE, span, "the mask hides nothing", "give a share above 0, or leave the mask out")
    if mask.rows == 0.0:
        span = context.source.value((*path, "rows"))
        yield finding(RULE, span, "the mask is used on no row", "leave the mask out")


def _nothing(mask: Mask) -> bool:
    """Whether the mask never hides anything."""
    share = mask.share
    largest = max(share.from_, share.to) if isinstance(share, ShareRamp) else share
    return largest == 0.0 and mask.at_least == 0
