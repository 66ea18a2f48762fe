"""Where a mask and shuffling mean something."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}"

RULE = Rule(
    slug="mask-use",
    claim="`complete` and `reconstruct` show a masked or shuffled trace; `solve` and `rewrite` show none or the whole.",
    why="Without mask and shuffle the prompt of `complete` would hold every step of its target; "
    "under `solve` and `rewrite` nothing is there to hide.",
    failing=f"stages: {{first: {{{_STAGE}, task: complete}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, task: complete, mask: {{count: 1}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage."""
    for path, _, stage in context.stages():
        corrupts = stage.task in ("complete", "reconstruct")
        if corrupts and stage.mask is None and not stage.shuffle:
            message = f"`{stage.task}` needs something to put right: a `mask`, `shuffle: true`, or both"
            yield finding(RULE, context.source.value((*path, "task")), message, "add `mask:`, or use `task: solve`")
        for key, used in (("mask", stage.mask is not None), ("shuffle", stage.shuffle)):
            if used and not corrupts:
                message = f"`{key}` has no effect on `{stage.task}`"
                advice = "leave it out, or use `task: complete`"
                yield finding(RULE, context.source.key((*path, key)), message, advice)
