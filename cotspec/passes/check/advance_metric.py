"""What a transition may measure."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import dotted
from cotspec.ir.defaults import VALID_DATA
from cotspec.passes.check.context import Context, Decision, finding, misnamed
from cotspec.spec.evaluation import asked_data
from cotspec.spec.experiment import Advance, Stage
from cotspec.trainers import trainer_of

_ANSWERS = ("accuracy", "formatted", "tokens")
_STAGE = (
    "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve, "
    "reward: {terms: {a: {value: 1 if correct else 0}}}, advance: {checkpoint: {best:"
)

RULE = Rule(
    slug="advance-metric",
    claim="A transition reads `train.<metric>` or `valid.<metric>`; `valid` is a data set; never the test.",
    why="A checkpoint chosen or a stage passed by test data makes the reported accuracy worthless.",
    failing=f"stages: {{first: {{{_STAGE} test.accuracy}}}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} valid.accuracy}}}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every metric of every transition."""
    for decision in context.decisions():
        yield from _metric(context, decision)


def known(stage: Stage) -> tuple[str, ...]:
    """The metrics a transition out of this stage may read."""
    return (*(f"train.{name}" for name in trainer_of(stage.train).metrics), *(f"valid.{name}" for name in _ANSWERS))


def _metric(context: Context, decision: Decision) -> Iterator[Diagnostic]:
    stage, here, metric, span, _ = decision
    data, tested_on = context.experiment.data, asked_data(context.experiment.evaluate).values()
    where = metric.partition(".")[0]
    if where == "test" or (where in data and where not in ("train", VALID_DATA)):
        advice = "read `train.<metric>`, or hold some data out as `data.valid`"
        yield finding(RULE, span, f"a transition must not read `{where}` data", advice)
    elif metric not in known(stage):
        message = f"a stage trained by {stage.train.by} has no metric `{metric}`"
        if metric in Advance.model_fields:
            yield finding(RULE, span, message, f"it belongs in `{dotted(here)}`")
            return
        yield misnamed(RULE, span, message, metric, known(stage))
    elif where == "valid" and VALID_DATA not in data:
        yield finding(RULE, span, f"`{metric}` needs a data set `valid`", "add it under `data`")
    elif where == "valid" and VALID_DATA in tested_on:
        yield finding(RULE, span, "`valid` is also what `evaluate` reports on", "evaluate on other data")
