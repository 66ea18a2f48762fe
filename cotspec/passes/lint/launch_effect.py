"""Settings of `resources` that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, warning
from cotspec.spec.experiment import Stage
from cotspec.spec.resources import TrainResources

RULE = Rule(
    slug="launch-effect",
    claim="Every setting of `resources` changes how something is launched.",
    why="Who writes `strategy: fsdp` for one GPU, vLLM for an sft stage or four GPUs for an engine that uses one "
    "thinks that something else runs than what runs, and pays for GPUs that stand idle.",
    failing="resources: {train: {gpus: 1, strategy: fsdp}}\n",
    passing="resources: {train: {gpus: 2, strategy: fsdp}}\n",
    everywhere=True,
)

_OF_SERVER: Final = (
    "vllm_server_base_url",
    "vllm_server_host",
    "vllm_server_port",
    "vllm_group_port",
    "vllm_server_timeout",
)
_OF_VLLM: Final = ("vllm_gpus", "vllm_memory", *_OF_SERVER)
_KEYS: Final = ("processes", "strategy", "vllm", *_OF_VLLM)


def check(context: Context) -> Iterator[Diagnostic]:
    """What all stages are given, what single ones are, generation, job files."""
    stages = [(name, stage, context.resources(name)) for _, name, stage in context.stages()]
    own = context.experiment.resources.stages
    for key in _KEYS:
        # What a stage says for itself is judged there; the common value is idle when it is so for all others.
        common = [
            _idle(key, s, given) for name, s, given in stages if name not in own or getattr(own[name], key) is None
        ]
        if common and all(common):
            yield from _finding(context, ("resources", "train", key), common[-1])
        for name, stage, given in stages:
            if name in own and getattr(own[name], key) is not None:
                yield from _finding(context, ("resources", "stages", name, key), _idle(key, stage, given))
    yield from _generation(context)
    for key, asked in ({} if _any_gpu(context) else context.experiment.resources.jobs()).items():
        if asked.EVERY_TASK:
            continue
        message = f"no task uses a GPU, so there is no `{asked.FILE}`"
        yield warning(RULE, context.source.key(("resources", key)), message, f"leave `{key}` out, or give `gpus`")


def _idle(key: str, stage: Stage, given: TrainResources) -> str:
    """Why a setting means nothing to a stage; "" when it does."""
    where = "the CPU" if given.gpus == 0 else "one GPU"
    match key:
        case "processes" if given.gpus and given.processes > 1:
            return f"`processes: {given.processes}` has no effect with `gpus`, of which each has one process"
        case "strategy" if given.strategy != "ddp" and (given.gpus == 0 or given.world < 2):
            return f"`strategy: {given.strategy}` has no effect on {where}"
        case "vllm" if given.vllm and stage.train.drawn is None:
            return f"`vllm` has no effect on {stage.train.by}, which generates nothing"
        case "vllm_gpus" if not given.vllm_gpus:
            return ""
        case _ if key in _OF_VLLM:
            return _idle_of_vllm(key, stage, given)
        case _:
            return ""


def _idle_of_vllm(key: str, stage: Stage, given: TrainResources) -> str:
    if not given.vllm or stage.train.drawn is None:
        return f"`{key}` has no effect where vLLM does not generate"
    if given.vllm_server:
        return _said_by_server(key, given)
    if key in _OF_SERVER and not given.vllm_gpus:
        return f"`{key}` has no effect where no server generates: vLLM shares the training GPUs"
    return ""


def _said_by_server(key: str, given: TrainResources) -> str:
    """Why a setting means nothing beside the address of a server that runs already."""
    if key in ("vllm_gpus", "vllm_memory"):
        return f"`{key}` has no effect on a server that runs already ({given.vllm_server})"
    if key in ("vllm_server_host", "vllm_server_port") and given.vllm_server_base_url:
        return f"`{key}` has no effect beside `vllm_server_base_url`"
    return ""


def _finding(context: Context, path: Path, message: str) -> Iterator[Diagnostic]:
    if message and path in context.source.keys:
        yield warning(RULE, context.source.key(path), message, "leave it out")


def _generation(context: Context) -> Iterator[Diagnostic]:
    given, path = context.experiment.resources.generate, ("resources", "generate")
    if given.engine == "vllm":
        yield from _finding(context, (*path, "batch"), "`batch` has no effect on vLLM, which batches by itself")
        used = given.tensor_parallel
        said = f"vLLM uses {used} of {given.gpus} GPUs: one copy of the model, split by `tensor_parallel`"
    else:
        yield from _finding(context, (*path, "memory"), "`memory` has no effect on the engine `transformers`")
        used, said = 1, f"the engine `transformers` uses one of {given.gpus} GPUs"
    if given.gpus > used:
        advice = "lower `gpus`" + (", or raise `tensor_parallel`" if given.engine == "vllm" else "")
        yield warning(RULE, context.source.value((*path, "gpus")), said, advice)


def _any_gpu(context: Context) -> bool:
    trained = any(context.resources(name).gpus for _, name, _ in context.stages())
    return trained or context.experiment.resources.generate.gpus > 0
