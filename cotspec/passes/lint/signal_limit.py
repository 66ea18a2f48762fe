"""Runs that may learn nothing for longer than a run should."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning
from cotspec.spec.training import STOP_WITHOUT_SIGNAL

_STAGE = "start: base, rows: {from: teach}, task: solve, train: {by: sft, lr: 1e-5, stop_without_signal:"

RULE = Rule(
    slug="signal-limit",
    claim=f"A run stops after {STOP_WITHOUT_SIGNAL} optimizer steps in a row without a learning signal, or sooner.",
    why="Steps in which all rewards of every group are equal, or the gradient is exactly 0, leave the weights where "
    "they were: the run ends well, hours later, with the stage before under another name. Where that is meant, `allow` "
    "this rule and say why.",
    failing=f"stages: {{first: {{{_STAGE} never}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {STOP_WITHOUT_SIGNAL // 2}}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage that says more than the default."""
    for path, _, stage in context.stages():
        given = stage.train.stop_without_signal
        if given == "never":
            message = "the run never stops, however long it learns nothing"
        elif given > STOP_WITHOUT_SIGNAL:
            message = f"the run goes on for {given} steps without a learning signal"
        else:
            continue
        span = context.source.value((*path, "train", "stop_without_signal"))
        advice = f"leave it out (it is {STOP_WITHOUT_SIGNAL} then), or `allow` this with the reason"
        yield warning(RULE, span, message, advice)
