"""Models that are split over GPUs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache

from cotspec.builtin.digest import MODELS
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.suggest import listed
from cotspec.passes import lineage
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import FailureRows

RULE = Rule(
    slug="tensor-parallel",
    claim="`tensor_parallel` divides the attention heads of every model that generates.",
    why="vLLM gives each GPU the same number of heads and refuses anything else after it has started. The heads of "
    "builtin models are known; those of other models are only known to the hub.",
    failing="resources: {generate: {engine: vllm, gpus: 3, tensor_parallel: 3}}\n",
    passing="resources: {generate: {engine: vllm, gpus: 2, tensor_parallel: 2}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every model that text is drawn from, or whose descendants it is."""
    spec, parts = context.experiment, context.experiment.resources.generate.tensor_parallel
    if parts == 1 or spec.resources.generate.engine != "vllm":
        return
    mined = [stage.rows.of for stage in spec.stages.values() if isinstance(stage.rows, FailureRows)]
    drawn = (lineage.first_model(spec, name) for name in (spec.teach.model, *mined, *spec.evaluate.of))
    uneven: dict[int, list[str]] = {}
    for name in dict.fromkeys(drawn):
        model = spec.models.get(name)
        heads = _heads(model.builtin) if model is not None and model.builtin is not None else None
        if heads is not None and heads % parts:
            uneven.setdefault(heads, []).append(name)
    for heads, names in uneven.items():
        span = context.source.value(("resources", "generate", "tensor_parallel"))
        message = f"the {heads} attention heads of {listed(names)} cannot be split over {parts} GPUs"
        fitting = [str(n) for n in range(1, heads + 1) if heads % n == 0]
        yield finding(RULE, span, message, f"use {', '.join(fitting[:-1])} or {fitting[-1]}")


@cache
def _heads(builtin: str) -> int | None:
    """Attention heads of a builtin model; None when it is not there."""
    file = MODELS / builtin / "config.json"
    if not file.is_file():
        return None
    found = json.loads(file.read_text(encoding="utf-8")).get("num_attention_heads")
    return found if isinstance(found, int) else None
