"""Losses without the answer."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.ir import bodies
from cotspec.passes.check.context import Context, warning

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve, loss:"

RULE = Rule(
    slug="answer-unsupervised",
    claim="The answer is supervised.",
    why="A student that is never taught to answer does not answer, nor to stop: the end-of-sequence token is "
    "supervised with the last segment of the target.",
    failing=f"stages: {{first: {{{_STAGE} [thinking, step]}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} [step, answer]}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every loss; in a form any graded segment is an answer, and there may be none."""
    form = bodies.trace_format(context.experiment.trace).form
    answers = {each.name for each in form if each.grade} if form else {"answer"}
    for path, _, stage in context.stages():
        if stage.loss is not None and answers and not answers & set(stage.loss):
            advice = "add `answer`, unless a later stage teaches it"
            yield warning(RULE, context.source.value((*path, "loss")), "the answer is not supervised", advice)
