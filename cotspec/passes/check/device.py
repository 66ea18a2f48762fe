"""What needs a GPU."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding

_STAGE = "start: base, rows: {from: teach}, task: solve, train:"

RULE = Rule(
    slug="device",
    claim="What needs a GPU has one: fp16 training, vLLM, and each part of a split model.",
    why="transformers trains in fp16 on GPUs alone, and vLLM does not start without one. bf16 trains on a CPU, too: "
    "about 1.6 times as fast as fp32 where that has units for it (AVX-512 BF16, AMX), and slower elsewhere.",
    failing=f"stages: {{first: {{{_STAGE} {{by: sft, lr: 1e-5, precision: fp16}}}}}}\n"
    "resources: {train: {gpus: 0}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{by: sft, lr: 1e-5, precision: fp16}}}}}}\n"
    "resources: {train: {gpus: 1}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage, then generation."""
    for path, name, stage in context.stages():
        resources = context.resources(name)
        if resources.gpus == 0 and stage.train.precision == "fp16":
            message = f"stage `{name}` trains in fp16 on the CPU"
            advice = "use `precision: bf16` or `fp32`, or give `resources.train.gpus`"
            yield finding(RULE, context.source.value((*path, "train", "precision")), message, advice)
        if resources.gpus == 0 and resources.vllm and stage.train.drawn is not None:
            of_stage = ("resources", "stages", name, "vllm")
            place = of_stage if of_stage in context.source.values else ("resources", "train", "vllm")
            message = f"stage `{name}` generates with vLLM and has no GPU"
            yield finding(RULE, context.source.value(place), message, "give it a GPU, or leave `vllm` out")
        own = resources.vllm and resources.vllm_gpus and not resources.vllm_server
        if own and resources.nodes > 1 and stage.train.drawn is not None:
            of_stage = ("resources", "stages", name, "vllm_gpus")
            place = of_stage if of_stage in context.source.values else ("resources", "train", "vllm_gpus")
            message = f"stage `{name}` trains on {resources.nodes} machines, and a vLLM server serves those of one"
            advice = (
                "leave `vllm_gpus` out: vLLM shares the training GPUs then; or name a server that all reach by "
                "`vllm_server_base_url`; or use `nodes: 1`"
            )
            yield finding(RULE, context.source.value(place), message, advice)
    generate = context.experiment.resources.generate
    if generate.engine == "vllm" and generate.gpus < generate.tensor_parallel:
        span = context.source.value(("resources", "generate", "engine"))
        message = f"vLLM needs {generate.tensor_parallel} GPUs here and has {generate.gpus}"
        advice = "`gpus` must be at least `tensor_parallel`"
        yield finding(RULE, span, message, advice)
    if generate.engine == "transformers" and generate.tensor_parallel > 1:
        span = context.source.value(("resources", "generate", "tensor_parallel"))
        message = "`tensor_parallel` has no effect on the engine `transformers`"
        yield finding(RULE, span, message, "use `engine: vllm`, or leave it out")
