"""Stages that begin with another one's optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import Stage

_STAGE = "rows: {from: teach}, task: solve, train: {by: sft, lr: 1e-5"
_CARRIED = f"{_STAGE}, optimizer: carried}}"

RULE = Rule(
    slug="carried-optimizer",
    claim="A stage that carries an optimizer starts from a stage that trained the same weights with AdamW.",
    why="AdamW knows two moments and a count of steps of each weight. A model has none, adapters are new weights in "
    "every stage, and other optimizers know something else.",
    failing=f"stages: {{first: {{start: base, {_CARRIED}}}}}\n",
    passing=f"stages: {{first: {{start: base, {_STAGE}}}}}, then: {{start: first, {_CARRIED}}}}}\n"
    "evaluate: {data: test, of: [base, first, then, second]}\n",
)
_ADAMW: Final = ("adamw_torch_fused", "adamw_torch")


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage that carries one."""
    stages, models = context.experiment.stages, context.experiment.models
    for path, name, stage in context.stages():
        named = stage.start in stages or stage.start in models  # another name is a finding of its own
        if stage.train.optimizer == "carried" and named:
            before = stages.get(stage.start)
            for why, advice in _refused(context, name, stage, before):
                span = context.source.value((*path, "train", "optimizer"))
                yield finding(RULE, span, why, f"{advice}, or write `optimizer: fresh`")


def _refused(context: Context, name: str, stage: Stage, before: Stage | None) -> Iterator[tuple[str, str]]:
    """What is in the way, and what to do."""
    if before is None:
        if stage.start in context.experiment.models:  # what is neither is told by a rule of its own
            yield f"`{stage.start}` is no stage, so there is no optimizer to carry", "start from a stage"
        return
    for label, train_stage in ((stage.start, before), (name, stage)):
        if train_stage.train.lora is not None:
            yield f"stage `{label}` trains adapters, which are weights of its own", "train all weights in both"
        optim = "" if train_stage.train.trainer is None else train_stage.train.trainer.optim
        if optim and optim not in _ADAMW:
            yield (
                f"stage `{label}` trains with `optim: {optim}`, and only AdamW's state is carried",
                "use AdamW in both",
            )
        resources = context.resources(label)
        if resources.gpus > 1 and resources.strategy != "ddp":
            message = (
                f"stage `{label}` spreads its optimizer over {resources.gpus} GPUs (`strategy: {resources.strategy}`)"
            )
            yield message, "use `strategy: ddp`"
