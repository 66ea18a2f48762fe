"""What a stage supervises."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.ir import bodies
from cotspec.passes.check.context import Context, finding, misnamed
from cotspec.spec.experiment import OnPolicy

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve, loss:"

RULE = Rule(
    slug="loss-segments",
    claim="A loss is on segments that there are; on `masked` only where a mask hides something.",
    why="A segment that nobody writes supervises nothing, nor does what the prompt hides where it hides nothing.",
    failing=f"stages: {{first: {{{_STAGE} [masked, answer]}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} [step, answer]}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every loss."""
    known = bodies.lossy(bodies.trace_format(context.experiment.trace))
    for path, _, stage in context.stages():
        for at, name in enumerate(stage.loss or ()):
            if name not in known:
                span = context.source.value((*path, "loss", at))
                yield misnamed(RULE, span, f"there is no segment `{name}` in `trace`", name, known)
        if stage.loss is not None and "masked" in stage.loss and isinstance(stage.train, OnPolicy):
            span = context.source.value((*path, "loss", stage.loss.index("masked")))
            yield finding(RULE, span, "a completion has no `masked`: it is the prompt that hides", "use `step`")
        elif stage.loss is not None and "masked" in stage.loss and stage.mask is None:
            span = context.source.value((*path, "loss", stage.loss.index("masked")))
            message = "`masked` supervises what a mask hides, and there is none"
            yield finding(RULE, span, message, "add `mask:`, or use `step`")
