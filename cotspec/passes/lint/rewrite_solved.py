"""Rewriting without failures."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning
from cotspec.spec.experiment import TriedRows

_FIRST = "start: base, train: {by: sft, lr: 1e-5}, task: rewrite, rows:"

RULE = Rule(
    slug="rewrite-solved",
    claim="`rewrite` works on failures.",
    why="Its prompt shows the teacher's whole trace. On a question that the student solves by itself there is nothing "
    "to learn from it but copying.",
    failing=f"stages: {{first: {{{_FIRST} {{from: teach}}}}}}\n",
    passing=f"stages: {{first: {{{_FIRST} {{from: failures, of: base}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every stage."""
    for path, _, stage in context.stages():
        if stage.task == "rewrite" and not isinstance(stage.rows, TriedRows):
            message = "`rewrite` has no failures to work on: its rows are all traces, solved or not"
            advice = f"use `rows: {{from: failures, of: {stage.start}}}`"
            yield warning(RULE, context.source.value((*path, "rows", "from")), message, advice)
