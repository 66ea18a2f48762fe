"""Settings of TRL that need the whole batch at once."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding, remarks

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
    """What each stage's trainer says of its settings."""
    return remarks(context, RULE, finding)
