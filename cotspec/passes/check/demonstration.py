"""What is imitated where all completions of a prompt fail."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.ir import generations
from cotspec.passes import trace_steps
from cotspec.passes.check.context import Context, finding
from cotspec.trainers import trainer_of

_STAGE = "start: base, rows: {from: teach}, reward: {terms: {a: {value: 1 if correct else 0}}}"
_TEXTS = "generate: {teach: {by: tutor, over: train, keep: {where: teach.correct}}}\n"
_TRAIN = "train: {by: grpo, lr: 1e-5, all_failed: imitate}"

RULE = Rule(
    slug="demonstration",
    claim="What `all_failed: imitate` imitates is right, and the prompt does not show it whole.",
    why="The teacher's trace is all that a prompt teaches where every completion failed. One that was kept whatever "
    "its answer may be wrong or empty; one that stands in the prompt teaches to copy. A column of a data set is taken "
    "for right solutions.",
    failing=f"{_TEXTS}stages: {{first: {{{_STAGE}, task: rewrite, {_TRAIN}}}}}\n",
    passing=f"{_TEXTS}stages: {{first: {{{_STAGE}, task: solve, {_TRAIN}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage whose rows have a demonstration."""
    for path, name, stage in context.stages():
        if trainer_of(stage.train).row_kind(stage.train) != "imitate":
            continue
        span = context.source.value((*path, "train", "all_failed"))
        if stage.loss is not None:
            message = f"stage `{name}` would imitate a whole trace, and `loss` names segments"
            yield finding(RULE, span, message, "write `all_failed: skip`, or leave `loss` out")
        if stage.task == "rewrite":
            message = f"stage `{name}` would imitate the trace that its prompts show whole"
            yield finding(RULE, span, message, "write `all_failed: skip`, or another `task`")
        spec = context.experiment
        if not all(generations.data_of(spec, each.from_) for each in stage.sources):
            continue  # a rule of its own says that there is no such text
        texts = [each.from_ for each in stage.sources if generations.chain(spec, each.from_)]
        if len(texts) < len(stage.sources):
            message = f"stage `{name}` would imitate traces, and its rows are questions alone"
            yield finding(RULE, span, message, "name texts in `rows.from`, or write `all_failed: skip`")
        elif not (all(each in context.experiment.data for each in texts) or trace_steps.kept(context, stage).correct):
            message = f"stage `{name}` would imitate traces that are kept whatever their answer"
            yield finding(RULE, span, message, "write `keep: {where: <text>.correct}` there, or `all_failed: skip`")
