"""Peak memory of a task on each of its devices. Puts the arithmetic of `memory` into words.

Knows tasks, flows and devices; neither time nor disk.
"""

from __future__ import annotations

import math
from typing import Final

from cotspec.ir.plan import Task
from cotspec.passes.cost import decoding, devices, memory, speed
from cotspec.passes.cost.amounts import Amount, Limit
from cotspec.passes.cost.architecture import Model, Shape
from cotspec.passes.cost.devices import Device
from cotspec.passes.cost.flow import Flow
from cotspec.passes.cost.learning import TrainBody
from cotspec.passes.cost.words import count, size
from cotspec.spec import payload

LIGHT: Final = 45_000_000
"""Bytes of a process without a model (measured)."""
Bytes = dict[str, float]


def peak(task: Task, flow: Flow, device: Device) -> Amount:
    """The most memory a task takes on each of its devices."""
    body, model = task.body, flow.model(task)
    trains = isinstance(body, TrainBody)
    if not (trains or decoding.generates(task)):
        return Amount(LIGHT, "a process without a model", "measured")
    if model is None:
        return Amount(None, "weights + …", "not known: the size of the model")
    if isinstance(body, TrainBody):
        return _training(task, body, flow, model=model, device=device)
    return _generating(task, flow, model, device)


def _told(parts: Bytes, source: str, limit: Limit = "about") -> Amount:
    formula = " + ".join(f"{name} {size(value)}" for name, value in parts.items() if value)
    return Amount(sum(parts.values()), formula, source, limit)


# --- training ---------------------------------------------------------------------------------------------------------


def _training(task: Task, body: TrainBody, flow: Flow, *, model: Model, device: Device) -> Amount:
    settings, shape = task.launch.settings, model.shape
    held = _held(task, body, model, device)
    if shape is None:
        return _told(held, f"{model.source}; activations need the model's config.json", "at least")
    length, limit = _longest(body, flow.rows(task).longest)
    kept = memory.activations(
        shape,
        tokens=settings.per_device_batch * length,
        precision=body.precision,
        checkpointing=settings.gradient_checkpointing,
    )
    grows = {"activations": kept * (memory.KEPT if device.name == devices.CPU else 1.0)}
    if isinstance(body, payload.GrpoBody) and settings.engine != "vllm":
        rollouts = _rollouts(task, body, model, shape=shape, length=length)
        # Gradients and 16-bit copies are not there while completions are generated.
        beyond = rollouts - held["gradients"] - held["copies"]
        grows = {"generation": beyond} if beyond > grows["activations"] else grows
    told = f"{settings.per_device_batch} × {count(length)} tokens at a time"
    checkpointing = "with" if settings.gradient_checkpointing else "without"
    return _told(held | grows, f"{model.source}; {told}, {checkpointing} checkpointing", limit)


def _held(task: Task, body: TrainBody, model: Model, device: Device) -> Bytes:
    """What stays on a device through a run."""
    settings, gpu = task.launch.settings, device.name != devices.CPU
    spread = memory.shares(task.launch.strategy, settings.processes, gpu=gpu, precision=body.precision)
    trained = float(adapters(model.shape, body.lora)) if body.lora.r else model.parameters
    state = memory.state(
        whole=model.parameters,
        trained=trained,
        precision=body.precision,
        shares=spread,
        moments=memory.moments(body.trainer),
    )
    return {
        "weights": state.weights,
        "gradients": state.gradients,
        str(body.trainer.get("optim", "AdamW")): state.optimizer,
        "copies": memory.casts(model, trained=trained, precision=body.precision, spread=spread.weights),
        "reference": 4 * model.parameters / spread.weights if _has_reference(body) else 0.0,
        "vLLM's share": settings.vllm_memory * device.memory if settings.engine == "vllm" else 0.0,
        "CUDA" if gpu else "process": memory.CONTEXT if gpu else memory.TRAINER,
    }


def _has_reference(body: TrainBody) -> bool:
    """Adapters are switched off to score with the weights a stage began with; whole weights need a second copy."""
    return isinstance(body, payload.GrpoBody) and body.beta > 0 and not body.lora.r


def adapters(shape: Shape | None, lora: payload.Lora) -> int:
    """Parameters of low-rank adapters: r × (inputs + outputs) for every adapted layer; 0 without a shape."""
    if shape is None:
        return 0
    sides = {
        "q_proj": shape.hidden + shape.query,
        "k_proj": shape.hidden + shape.kv,
        "v_proj": shape.hidden + shape.kv,
        "o_proj": shape.query + shape.hidden,
        "gate_proj": shape.hidden + shape.mlp,
        "up_proj": shape.hidden + shape.mlp,
        "down_proj": shape.mlp + shape.hidden,
    }
    return lora.r * shape.layers * sum(sides.get(target, 0) for target in lora.targets)


def _longest(body: TrainBody, row: float | None) -> tuple[float, Limit]:
    """Tokens of the longest sequence a device computes: rows are never longer than `max_length`."""
    new = body.sampling.max_new_tokens if isinstance(body, payload.GrpoBody) else 0
    if row is None:
        return body.max_length, "at most"
    return min(row + new, body.max_length), "about"


def _rollouts(task: Task, body: payload.GrpoBody, model: Model, *, shape: Shape, length: float) -> float:
    """What generation adds: the cache, the logits, and all weights where they are spread."""
    settings = task.launch.settings
    batch = body.global_batch / settings.processes
    gathered = settings.processes > 1 and task.launch.strategy in ("fsdp", "zero3")
    cache = batch * length * speed.cache(model, body.precision)
    logits = memory.sampling(shape, batch=batch, greedy=body.sampling.temperature == 0)
    return cache + logits + (4 * model.parameters if gathered else 0.0)


# --- generation -------------------------------------------------------------------------------------------------------


def _generating(task: Task, flow: Flow, model: Model, device: Device) -> Amount:
    settings, shape, precision = task.launch.settings, model.shape, decoding.precision(model, device)
    weights = model.parameters * speed.bytes_of(precision)
    if settings.engine == "vllm" and device.memory:
        told = f"{model.source}: {size(weights / settings.tensor_parallel)} of weights a device, the rest is cache"
        formula = f"{settings.vllm_memory:.0%} of {size(device.memory)}, which vLLM takes whole"
        return Amount(settings.vllm_memory * device.memory, formula, told)
    gpu = device.name != devices.CPU
    parts = {"weights": weights, "CUDA" if gpu else "process": memory.CONTEXT if gpu else memory.GENERATOR}
    if shape is None:
        return _told(parts, f"{model.source}; the cache needs the model's config.json", "at least")
    asked, sampling = decoding.asked(task, flow), getattr(task.body, "sampling", None)
    greedy = isinstance(sampling, payload.Sampling) and sampling.temperature == 0
    batch, prompt = min(asked.requests.value or math.inf, settings.generate_batch), asked.prompt.value or 0.0
    # The cache of one layer is there twice while a token is added to it.
    parts["cache"] = batch * (prompt + asked.longest) * speed.cache(model, precision) * (1 + 1 / shape.layers)
    parts["logits"] = memory.sampling(shape, batch=batch, greedy=greedy)
    parts["prefill"] = batch * prompt * memory.passing(shape, precision)
    return _told(parts, f"{model.source}; {count(batch)} × {count(prompt + asked.longest)} tokens: {asked.prompt.text}")
