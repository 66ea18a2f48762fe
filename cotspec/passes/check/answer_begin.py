"""Answers that begin with steps of the teacher."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes import trace_steps
from cotspec.passes.check.context import Context, finding

_STAGE = "start: base, rows: {from: teach}, train: {by: grpo, lr: 1e-5}"
_REWARD = "reward: {terms: {a: {value: 1 if correct else 0}}}"

RULE = Rule(
    slug="answer-begin",
    claim="An answer begins with steps of a trace that has more of them, and whose prompt shows none.",
    why="`begin` gives the first steps of the answer; the model writes the others. A trace without others makes no "
    "row, and steps that the prompt hides would stand behind it.",
    failing=f"stages: {{first: {{{_STAGE}, task: rewrite, begin: 2, {_REWARD}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, task: solve, begin: 2, {_REWARD}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage that gives the beginning of an answer."""
    for path, name, stage in context.stages():
        most = trace_steps.kept(context, stage).at_most
        span = context.source.value((*path, "begin"))
        if stage.begin and stage.task != "solve":
            message = f"the answer of stage `{name}` would begin with steps of a trace that its prompt shows"
            yield finding(RULE, span, message, "write `task: solve`, or leave `begin` out")
        if stage.begin and most is not None and most <= stage.begin:
            message = f"no trace has more than {most} steps, so none has a step after the first {stage.begin}"
            yield finding(RULE, span, message, "lower `begin`, or keep longer traces (`keep.where`)")
