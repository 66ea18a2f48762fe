"""Settings of TRL that work against others."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source import Path
from cotspec.passes.check.context import Context, warning
from cotspec.spec.experiment import Grpo
from cotspec.spec.trainer import BITSANDBYTES, GrpoTrainer

_STAGE = (
    "start: base, rows: {from: teach}, task: solve, "
    "reward: {terms: {a: {value: 1 if correct else 0}}}, train: {by: grpo, lr: 1e-5"
)
_TRAIN = f"{_STAGE}, clip: 0.2, iterations: 2, trainer:"

RULE = Rule(
    slug="trainer-conflict",
    claim="Settings of `trainer` go together with those of `train`.",
    why="Each of these pairs is accepted by TRL and does something else than its names say: an upper clip below the "
    "lower one, a bound that is never reached, dropout that is asked for and switched off, ratios of whole completions "
    "in a loss that counts tokens, an optimizer for GPUs on the CPU.",
    failing=f"stages: {{first: {{{_TRAIN} {{epsilon_high: 0.1}}}}}}}}\n",
    passing=f"stages: {{first: {{{_TRAIN} {{epsilon_high: 0.28}}}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every stage that passes settings on."""
    for path, name, stage in context.stages():
        train, here = stage.train, (*path, "train", "trainer")
        if train.trainer is None:
            continue
        if train.trainer.optim in BITSANDBYTES and context.resources(name).gpus == 0:
            message = f"stage `{name}` trains on the CPU, and `{train.trainer.optim}` is for NVIDIA GPUs"
            yield warning(RULE, context.source.value((*here, "optim")), message, "use `adamw_torch`, or give it a GPU")
        if isinstance(train, Grpo) and train.trainer is not None:
            yield from _grpo(context, here, train, train.trainer)


def _grpo(context: Context, here: Path, train: Grpo, given: GrpoTrainer) -> Iterator[Diagnostic]:
    upper = train.clip if given.epsilon_high is None else given.epsilon_high
    if upper < train.clip:
        message = f"`epsilon_high` {upper:g} clips closer above than `clip` {train.clip:g} does below"
        yield warning(RULE, context.source.value((*here, "epsilon_high")), message, "raise it, or leave it out")
    if given.delta is not None and given.delta <= 1 + upper:
        message = f"`delta` {given.delta:g} is within the clipped range, which ends at {1 + upper:g}"
        yield warning(RULE, context.source.value((*here, "delta")), message, f"use more than {1 + upper:g}")
    if given.disable_dropout and train.lora is not None and train.lora.dropout > 0:
        message = f"`disable_dropout` switches off the `dropout: {train.lora.dropout:g}` of `lora`"
        yield warning(RULE, context.source.value((*here, "disable_dropout")), message, "leave one of them out")
    if given.importance_sampling_level == "sequence" and train.loss != "grpo":
        message = f"with the ratio of whole completions, `loss: {train.loss}` weights each by its length"
        span = context.source.value((*here, "importance_sampling_level"))
        yield warning(RULE, span, message, "use `loss: grpo`, as GSPO does")
