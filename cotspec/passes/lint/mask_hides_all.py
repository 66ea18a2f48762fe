"""Masks whose amount hides every step of a short trace."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from cotspec.cot.hidden_count import hidden_count
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.history import traces
from cotspec.ir import bodies
from cotspec.passes import trace_steps
from cotspec.passes.check.context import Context, warning
from cotspec.spec import payload
from cotspec.spec.experiment import Mask, Stage

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: complete"

RULE = Rule(
    slug="mask-hides-all",
    claim="`count` and `at_least` leave a step visible in every trace of two steps or more.",
    why="A number of steps that is half of a long trace is all of a short one: its prompt then shows nothing but the "
    "question, and the row trains something else than the others. `select: all` and `share: 1.0` say that on purpose.",
    failing=f"stages: {{first: {{{_STAGE}, mask: {{share: 0.5, at_least: 3}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, mask: {{share: 0.5, at_least: 3, leave: 1}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every mask of whole steps in a prompt."""
    for path, _, stage in context.stages():
        if stage.mask is not None and stage.mask.unit == "step" and stage.task in ("complete", "reconstruct"):
            yield from _mask(context, (*path, "mask"), stage, stage.mask)


def _mask(context: Context, path: Path, stage: Stage, mask: Mask) -> Iterator[Diagnostic]:
    rule = bodies.mask(mask)
    if rule.leave or not max(rule.count, rule.at_least):
        return
    every = [n for n in trace_steps.step_counts(context, stage) if n > 1 and _all(rule, n)]
    if not every:
        return
    counts = context.unit_counts(stage)
    hit = [n for n in counts if n in every]
    if counts and traces.rare(len(hit), len(counts)):
        return
    key = "at_least" if rule.at_least >= rule.count else "count"
    where = f": {traces.told(len(hit), len(counts))}" if counts else ""
    message = f"`{key}: {getattr(rule, key)}` hides every step of traces of {trace_steps.worded(every)} steps{where}"
    yield warning(RULE, context.source.value((*path, key)), message, _advice(every))


def _all(rule: payload.Mask, n: int) -> bool:
    """Whether all of n steps are hidden at some time of the run, and not because the share says so."""
    if rule.select in ("all", "inner"):
        return False
    ends = ((0.0, rule.share.first), (1.0, rule.share.last))
    return any(hidden_count(rule, n, progress=at) == n and math.floor(share * n + 1e-9) < n for at, share in ends)


def _advice(every: Sequence[int]) -> str:
    longer = f", or keep longer traces (`keep.where`: `… and <text>.steps >= {max(every) + 1}`)"
    return "add `leave: 1`, so that the prompt always shows a step" + longer
