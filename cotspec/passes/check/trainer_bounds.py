"""Bounds among the settings of TRL."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding, remarks

_STAGE = (
    "start: base, rows: {from: teach}, task: solve, "
    "reward: {terms: {a: {value: 1 if correct else 0}}}, train: {by: grpo, lr: 1e-5"
)
_MAX, _MIN = "vllm_importance_sampling_clip_max", "vllm_importance_sampling_clip_min"
_GPU = "resources: {train: {gpus: 1, vllm: true}}\n"

RULE = Rule(
    slug="trainer-bounds",
    claim=f"`{_MIN}` is below `{_MAX}`.",
    why="TRL refuses it when the training starts.",
    failing=f"stages: {{first: {{{_STAGE}, trainer: {{{_MIN}: 4}}}}}}}}\n{_GPU}",
    passing=f"stages: {{first: {{{_STAGE}, trainer: {{{_MIN}: 0.5}}}}}}}}\n{_GPU}",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """What each stage's trainer says of its settings."""
    return remarks(context, RULE, finding)
