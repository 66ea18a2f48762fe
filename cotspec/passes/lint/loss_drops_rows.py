"""Losses that supervise nothing in some rows."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.history import traces
from cotspec.ir import bodies
from cotspec.passes.check.context import Context, warning
from cotspec.passes.lint.mask_hides_nothing import most
from cotspec.spec.experiment import Mask, Mix, Stage

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: complete"

RULE = Rule(
    slug="loss-drops-rows",
    claim="Every row has a segment that is supervised.",
    why="`masked` is what the prompt hides, and `thinking` what a trace may be without: alone, they supervise nothing "
    "in the other rows. Those are dropped, so the stage trains on fewer rows than its slice says.",
    failing=f"stages: {{first: {{{_STAGE}, mask: {{count: 1, rows: 0.7}}, loss: [masked]}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, mask: {{count: 1, rows: 0.7}}, loss: [masked, answer]}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every loss on one segment that can be missing."""
    for path, _, stage in context.stages():
        on = set(bodies.loss_on(stage, bodies.trace_format(context.experiment.trace))) if stage.loss else set()
        if on == {"masked"} and stage.mask is not None:
            yield from _masked(context, (*path, "loss"), stage, stage.mask)
        if on == {"thinking"}:
            yield from _thinking(context, (*path, "loss"), stage)


def _masked(context: Context, path: Path, stage: Stage, mask: Mask) -> Iterator[Diagnostic]:
    rule, counts = bodies.mask(mask), context.unit_counts(stage)
    hidden = sum(most(rule, n) > 0 for n in counts) / len(counts) if counts else 1.0
    dropped = 1.0 - mask.rows * hidden
    if dropped < (traces.FEW if counts else 1e-9):
        return
    given = None if isinstance(stage.rows, Mix) else stage.rows.slice
    whole = given[1] - given[0] if given else len(context.traces(stage))
    about = f" (about {dropped * whole:,.0f} of {whole:,})" if whole else ""
    message = f"`masked` supervises nothing in {dropped:.0%} of the rows{about}, where nothing is hidden"
    advice = "add `answer` or `step` to `loss`, or mask all rows: these are dropped"
    yield warning(RULE, context.source.value(path), message, advice)


def _thinking(context: Context, path: Path, stage: Stage) -> Iterator[Diagnostic]:
    from cotspec.cot.segment import segment  # here: most specs ask for more than `thinking`

    records = traces.sample(context.traces(stage))
    format = bodies.trace_format(context.experiment.trace)
    split = [segment(record.trace, format) for record in records]
    without = sum(all(part.kind not in ("thinking", "preamble") for part in trace.segments) for trace in split)
    if not traces.rare(without, len(split)):
        message = f"`thinking` supervises nothing in {traces.told(without, len(split))}: they are dropped"
        yield warning(RULE, context.source.value(path), message, "add `answer` or `step` to `loss`")
