"""Settings of TRL that work against others."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, remarks, warning
from cotspec.spec.trainer import BITSANDBYTES

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
    """Check every stage that passes settings on."""
    for path, name, stage in context.stages():
        train, here = stage.train, (*path, "train", "trainer")
        if train.trainer is None:
            continue
        if train.trainer.optim in BITSANDBYTES and context.resources(name).gpus == 0:
            message = f"stage `{name}` trains on the CPU, and `{train.trainer.optim}` is for NVIDIA GPUs"
            yield warning(RULE, context.source.value((*here, "optim")), message, "use `adamw_torch`, or give it a GPU")
    yield from remarks(context, RULE, warning)
