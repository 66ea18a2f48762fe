"""vLLM's share of the memory of a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning

_STAGE = (
    "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve, "
    "reward: {terms: {a: {value: 1 if correct else 0}}}"
)

RULE = Rule(
    slug="vllm-memory",
    claim="vLLM leaves room for training on the same GPU, and for CUDA itself on one of its own.",
    why="It takes its share when it starts and keeps it. Weights, gradients, optimizer state and activations have to "
    "fit into the rest; a share of all is refused by vLLM after the model was loaded.",
    failing=f"stages: {{first: {{{_STAGE}}}}}\nresources: {{train: {{gpus: 1, vllm: true, vllm_memory: 0.9}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}}}}}\nresources: {{train: {{gpus: 1, vllm: true, vllm_memory: 0.3}}}}\n",
)

_BESIDE_TRAINING: Final = 0.6
"""Training needs at least the weights, gradients and two moments: 16 bytes a parameter beside vLLM's 2."""
_ALONE: Final = 0.97


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage that writes with vLLM, then generation; a value that several stages share is found once."""
    seen = set()
    for _, name, stage in context.stages():
        given = context.resources(name)
        own = ("resources", "stages", name, "vllm_memory")
        span = context.source.value(own if own in context.source.values else ("resources", "train", "vllm_memory"))
        beside = stage.train.drawn is not None and given.vllm and not (given.vllm_gpus or given.vllm_server)
        if beside and given.vllm_share > _BESIDE_TRAINING and span not in seen:
            seen.add(span)
            rest = round(100 * (1 - given.vllm_share))
            message = f"vLLM takes {given.vllm_share:.0%} of each GPU and leaves {rest} % to training"
            yield warning(RULE, span, message, "lower `vllm_memory`: 0.3 is usual")
    generate = context.experiment.resources.generate
    if generate.engine == "vllm" and generate.memory > _ALONE:
        span = context.source.value(("resources", "generate", "memory"))
        message = f"vLLM takes {generate.memory:.0%} of the GPU, and CUDA itself needs some"
        yield warning(RULE, span, message, "use 0.9, or 0.95")
