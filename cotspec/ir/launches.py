"""Resources → how each task is started. Nothing here may reach a body: more GPUs never change a result or an id."""

from __future__ import annotations

from collections.abc import Mapping

from cotspec.ir.plan import Launch
from cotspec.spec.experiment import Train
from cotspec.spec.payload import EndpointSettings, RunSettings
from cotspec.spec.resources import Budget, EndpointResources, Price, Resources, StageResources, TrainResources


class BatchError(ValueError):
    """`global_batch` is not a whole number of per-device batches."""


def plain() -> Launch:
    """A task that needs no GPU and no trainer (data, traces, rows, report)."""
    settings = RunSettings.model_construct(
        processes=1,
        gpus=0,
        per_device_batch=1,
        accumulation=1,
        gradient_checkpointing=False,
        save_steps=1,
        engine="transformers",
        generate_batch=1,
        tensor_parallel=1,
        vllm_memory=1.0,
    )
    return Launch(launcher="python", settings=settings, strategy="ddp", precision="fp32")


def generation(resources: Resources) -> Launch:
    """A task that generates with one process (teach, mine, gate, evaluate)."""
    given = resources.generate
    settings = RunSettings.model_construct(
        processes=1,
        gpus=given.gpus,
        per_device_batch=1,
        accumulation=1,
        gradient_checkpointing=False,
        save_steps=1,
        engine=given.engine,
        generate_batch=given.batch,
        tensor_parallel=given.tensor_parallel,
        vllm_memory=given.memory,
    )
    return Launch(launcher="python", settings=settings, strategy="ddp", precision="fp32")


def with_other_models(launch: Launch) -> Launch:
    """The launch of a task that asks other models while it writes: by transformers, since vLLM cannot do that."""
    changed = {"engine": "transformers", "tensor_parallel": 1}
    return launch._replace(settings=launch.settings.model_copy(update=changed))


def asking(resources: Resources, model: str) -> Launch:
    """A task that asks the server of a model: it needs no device."""
    given = resources.endpoints.get(model, EndpointResources.model_construct())
    price = given.price or Price.model_construct(input=0.0, output=0.0)
    budget = given.budget or Budget.model_construct()
    endpoint = EndpointSettings.model_construct(
        concurrency=given.concurrency,
        retries=given.retries,
        timeout=given.timeout,
        missing=given.missing,
        price_input=price.input,
        price_output=price.output,
        budget_tokens=budget.tokens or 0,
        budget_cost=budget.cost or 0.0,
    )
    alone = plain()
    return alone._replace(settings=alone.settings.model_copy(update={"endpoint": endpoint}))


def judged(launch: Launch, servers: Mapping[str, EndpointSettings]) -> Launch:
    """The same for a stage whose judges of these names are behind servers."""
    return launch._replace(settings=launch.settings.model_copy(update={"judges": dict(servers)})) if servers else launch


def training(resources: Resources, *, stage: str, train: Train) -> Launch:
    """One process per GPU, on the CPU as many as asked for; what a device cannot hold at once is accumulated.

    Raises BatchError."""
    given = _merged(resources.train, resources.stages.get(stage, StageResources.model_construct()))
    processes = given.world
    at_once = given.per_device_batch * processes
    if train.global_batch % at_once:
        raise BatchError(
            f"global_batch {train.global_batch} is not a multiple of "
            f"{processes} {'process' if processes == 1 else 'processes'} × per_device_batch {given.per_device_batch}"
        )
    served = given.vllm and train.drawn is not None
    settings = RunSettings.model_construct(
        processes=processes,
        gpus=given.gpus,
        per_device_batch=given.per_device_batch,
        accumulation=train.global_batch // at_once,
        gradient_checkpointing=given.gradient_checkpointing,
        save_steps=given.save_steps,
        engine="vllm" if given.vllm else "transformers",
        generate_batch=1,
        tensor_parallel=1,
        vllm_memory=given.vllm_share,
        vllm_gpus=given.vllm_gpus if served and not given.vllm_server else 0,
        vllm_server=(given.vllm_server or "") if served else "",
        vllm_port=given.vllm_server_port or 0,
        vllm_group_port=given.vllm_group_port or 0,
        vllm_timeout=given.vllm_server_timeout,
        track=resources.track or "",
        track_project=resources.track_project,
        stop_without_signal=0 if train.stop_without_signal == "never" else train.stop_without_signal,
    )
    return Launch(
        launcher="accelerate",
        settings=settings,
        strategy=given.strategy,
        precision=train.precision,
        max_grad_norm=train.max_grad_norm,
        nodes=given.nodes,
    )


def with_jobs(launch: Launch, resources: Resources) -> Launch:
    """The launch with the job files that the experiment asks for."""
    asked = resources.jobs().values()
    return launch._replace(jobs=tuple(job for job in asked if job.EVERY_TASK or launch.settings.gpus))


def _merged(base: TrainResources, change: StageResources) -> TrainResources:
    changed = {name: value for name in StageResources.model_fields if (value := getattr(change, name)) is not None}
    return base.model_copy(update=changed)
