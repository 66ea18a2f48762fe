"""Settings of TRL that need the whole batch at once."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import Grpo

_STAGE = "start: base, rows: {from: teach}, task: solve, reward: {terms: {a: {value: 1 if correct else 0}}}, train:"
_TRAIN = "by: grpo, lr: 1e-5, global_batch: 16, trainer: {top_entropy_quantile: 0.2}"

RULE = Rule(
    slug="trainer-split",
    claim="With `top_entropy_quantile` the devices hold the whole `global_batch` at once.",
    why="TRL looks for the tokens of high entropy among those that the devices hold at a time. With accumulation the "
    "result would depend on how the batch is split, and no setting of `resources` may change a result.",
    failing=f"stages: {{first: {{{_STAGE} {{{_TRAIN}}}}}}}\nresources: {{train: {{gpus: 2, per_device_batch: 4}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{{_TRAIN}}}}}}}\nresources: {{train: {{gpus: 2, per_device_batch: 8}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every grpo stage."""
    for path, name, stage in context.stages():
        train = stage.train
        if not isinstance(train, Grpo) or train.trainer is None or train.trainer.top_entropy_quantile == 1.0:
            continue
        given = context.resources(name)
        processes = max(1, given.gpus)
        if processes * given.per_device_batch < train.global_batch:
            span = context.source.value((*path, "train", "trainer", "top_entropy_quantile"))
            message = (
                f"`top_entropy_quantile` needs all {train.global_batch} completions of a step at once, "
                f"and the devices hold {processes} × {given.per_device_batch}"
            )
            fits = train.global_batch % processes == 0
            advice = f"use `per_device_batch: {train.global_batch // processes}`" if fits else "use fewer GPUs"
            yield finding(RULE, span, message, f"{advice}, or leave it out")
