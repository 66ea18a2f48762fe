"""Hint schedules that change nothing."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot.hidden_count import hidden_count
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.history import traces
from cotspec.ir import bodies
from cotspec.passes import trace_steps
from cotspec.passes.check.context import Context, warning
from cotspec.spec import payload
from cotspec.spec.experiment import ShareRamp

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: complete"
_BEFORE_THE_END = 1.0 - 1e-6
"""A share of 1.0 is reached with the last row of a run only; what counts is what is hidden until then."""

RULE = Rule(
    slug="mask-ramp",
    claim="A share that moves over the run changes how many units are hidden in at least half of the traces.",
    why="The share is rounded down: of 2 steps, 0.5 to 0.9 hides one from the first row to the last, and the "
    "schedule is none.",
    failing="generate: {teach: {by: tutor, over: train, keep: {where: teach.steps >= 2 and teach.steps <= 3}}}\n"
    f"stages: {{first: {{{_STAGE}, mask: {{share: {{from: 0.4, to: 0.6}}, at_least: 1}}}}}}\n",
    passing="generate: {teach: {by: tutor, over: train, keep: {where: teach.steps >= 2 and teach.steps <= 3}}}\n"
    f"stages: {{first: {{{_STAGE}, mask: {{share: {{from: 0.4, to: 0.9}}, at_least: 1}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every share that moves."""
    for path, _, stage in context.stages():
        if stage.mask is None or not isinstance(stage.mask.share, ShareRamp):
            continue
        rule, share = bodies.mask(stage.mask), stage.mask.share
        if share.from_ == share.to or rule.select in ("all", "inner"):
            continue
        message = f"a share from {share.from_:g} to {share.to:g} hides the same number of units over the whole run"
        span = context.source.value((*path, "mask", "share"))
        counts = context.unit_counts(stage)
        still = sum(not _moves(rule, n) for n in counts)
        bounds = trace_steps.kept(context, stage)
        possible = trace_steps.step_counts(context, stage) if stage.mask.unit == "step" else range(0)
        if counts:
            if still > len(counts) / 2:
                yield warning(RULE, span, f"{message} in {traces.told(still, len(counts))}", _ADVICE)
        elif bounds.at_most is not None and possible and sum(_moves(rule, n) for n in possible) < len(possible) / 2:
            still_at = [n for n in possible if not _moves(rule, n)]
            yield warning(RULE, span, f"{message} in traces of {trace_steps.worded(still_at)} steps", _ADVICE)


_ADVICE = "widen it, or give one share or `count`"


def _moves(rule: payload.Mask, n: int) -> bool:
    return hidden_count(rule, n, progress=0.0) != hidden_count(rule, n, progress=_BEFORE_THE_END)
