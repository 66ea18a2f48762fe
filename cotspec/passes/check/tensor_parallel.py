"""Models that are split over GPUs."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot import model_config
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.suggest import listed
from cotspec.passes import ancestry
from cotspec.passes.check.context import Context, finding

RULE = Rule(
    slug="tensor-parallel",
    claim="`tensor_parallel` divides the attention heads of every model that generates.",
    why="vLLM gives each GPU the same number of heads and refuses anything else after it has started. The heads are "
    "known where the model's configuration is at hand; otherwise the preflight asks.",
    failing="resources: {generate: {engine: vllm, gpus: 3, tensor_parallel: 3}}\n",
    passing="resources: {generate: {engine: vllm, gpus: 2, tensor_parallel: 2}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every model that text is drawn from, or whose descendants it is."""
    spec, parts = context.experiment, context.experiment.resources.generate.tensor_parallel
    if parts == 1 or spec.resources.generate.engine != "vllm":
        return
    writers = (each.by for each in spec.generate.values())
    drawn = (ancestry.first_model(spec, name) for name in (*writers, *spec.evaluate.of))
    uneven: dict[int, list[str]] = {}
    for name in dict.fromkeys(drawn):
        first = context.first_model(name)
        heads = 0 if first is None else model_config.heads(first.files.config)
        if heads % parts:
            uneven.setdefault(heads, []).append(name)
    for heads, names in uneven.items():
        span = context.source.value(("resources", "generate", "tensor_parallel"))
        message = f"the {heads} attention heads of {listed(names)} cannot be split over {parts} GPUs"
        fitting = [str(n) for n in range(1, heads + 1) if heads % n == 0]
        yield finding(RULE, span, message, f"use {', '.join(fitting[:-1])} or {fitting[-1]}")
