"""Rewriting without failures."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.ir import generations
from cotspec.passes.check.context import Context, warning

_FIRST = "start: base, train: {by: sft, lr: 1e-5}, task: rewrite, rows:"

_TRIES = "tries: {by: base, over: teach, keep: {where: tries.score == 0}}"

RULE = Rule(
    slug="rewrite-solved",
    claim="`rewrite` works on failures.",
    why="Its prompt shows the teacher's whole trace. On a question that the student solves by itself there is nothing "
    "to learn from it but copying.",
    failing=f"stages: {{first: {{{_FIRST} {{from: teach}}}}}}\n",
    passing=f"generate: {{teach: {{by: tutor, over: train}}, {_TRIES}}}\n"
    f"stages: {{first: {{{_FIRST} {{from: tries, target: teach}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage."""
    for path, _, stage, source in context.sources():
        if stage.task == "rewrite" and generations.over_texts(context.experiment, source.from_) is None:
            message = "`rewrite` has no failures to work on: its rows are all traces, solved or not"
            advice = (
                f"add `tries: {{by: {stage.start}, over: {source.from_}, keep: {{where: tries.score == 0}}}}` to "
                f"`generate`, and use `rows: {{from: tries, target: {source.from_}}}`"
            )
            yield warning(RULE, context.source.value((*path, "from")), message, advice)
