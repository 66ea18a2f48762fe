"""Failures of another model than the one that is trained on them."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning
from cotspec.spec.experiment import FailureRows

_TRAIN = "train: {by: sft, lr: 1e-5}"
_FIRST = f"first: {{start: base, {_TRAIN}, rows: {{from: teach}}, task: solve}}"
_MORE = f"more: {{start: first, {_TRAIN}, task: rewrite, rows: {{from: failures, of:"

RULE = Rule(
    slug="mined-elsewhere",
    claim="A stage trains on the failures of the weights it starts from.",
    why="What another model gets wrong may be solved already, and what this one gets wrong may be missing.",
    failing=f"stages: {{{_FIRST}, {_MORE} base}}}}}}\nevaluate: {{data: test, of: [base, more, second]}}\n",
    passing=f"stages: {{{_FIRST}, {_MORE} first}}}}}}\nevaluate: {{data: test, of: [base, more, second]}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every stage."""
    for path, name, stage in context.stages():
        if isinstance(stage.rows, FailureRows) and stage.rows.of != stage.start:
            message = f"stage `{name}` starts from `{stage.start}` and trains on the failures of `{stage.rows.of}`"
            related = ((context.source.value((*path, "start")), "is what it starts from"),)
            span = context.source.value((*path, "rows", "of"))
            yield warning(RULE, span, message, f"use `of: {stage.start}`", related=related)
