"""Settings of TRL that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, remarks, warning
from cotspec.spec.trainer import PassedOn
from cotspec.trainers.trainer import changed

_STAGE = "start: base, rows: {from: teach}, task: solve, train: {by: sft, lr: 1e-5, trainer:"

RULE = Rule(
    slug="trainer-effect",
    claim="Every setting of `trainer` is read by the trainer as it is set up.",
    why="A setting that another one switches off looks like part of the method and is none.",
    failing=f"stages: {{first: {{{_STAGE} {{optim: sgd, adam_beta2: 0.95}}}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{optim: adamw_torch, adam_beta2: 0.95}}}}}}}}\n",
)

_BETAS: Final = ("adam_beta1", "adam_beta2")


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage that passes settings on."""
    for path, _, stage in context.stages():
        given = stage.train.trainer
        for key in () if given is None else _idle(given):
            place = (*path, "train", "trainer", key)
            if given is not None and place in context.source.keys and changed(given, key):
                message = f"`{key}` has no effect on `optim: {given.optim}`"
                yield warning(RULE, context.source.key(place), message, "leave it out")
    yield from remarks(context, RULE, warning)


def _idle(given: PassedOn) -> Iterator[str]:
    """Settings of optimizers that the chosen one does not have."""
    adam = "adam" in given.optim
    if not adam and "lion" not in given.optim:
        yield from _BETAS
    if not adam:
        yield "adam_epsilon"
