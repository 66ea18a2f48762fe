"""Memory of a device and space on disk for a task. Puts the arithmetic of `memory` into words.

Knows tasks, flows and devices; not time.
"""

from __future__ import annotations

import math
from typing import Final

from cotspec.ir.plan import Task
from cotspec.passes.cost import clock, decoding, devices, learning, memory, speed
from cotspec.passes.cost.amounts import Amount
from cotspec.passes.cost.architecture import Model, Shape
from cotspec.passes.cost.devices import Device
from cotspec.passes.cost.flow import CHARACTERS, Flow, count
from cotspec.spec import payload

RECORD: Final = 150
"""Bytes of a JSON line beside its texts: names, numbers, answer (measured)."""
LOG: Final = 400
"""Bytes of a step in log.jsonl (measured)."""
SMALL: Final = 100_000_000
"""Bytes of a process without a model."""


def _gib(value: float) -> str:
    return f"{value / devices.GIB:,.2f}" if value < devices.GIB else f"{value / devices.GIB:,.1f}"


def peak(task: Task, flow: Flow, device: Device) -> Amount:
    """The most memory a task takes on each of its devices."""
    body, model = task.body, flow.model(task)
    trains = isinstance(body, payload.SftBody | payload.GrpoBody)
    if not (trains or decoding.generates(task)):
        return Amount(SMALL, "a process without a model", "measured")
    if model is None:
        return Amount(None, "weights + …", "not known: the size of the model")
    if isinstance(body, payload.SftBody | payload.GrpoBody):
        return _training(task, body, flow, model, device)
    return _generating(task, flow, model, device)


def adapters(shape: Shape, lora: payload.Lora) -> int:
    """Parameters of low-rank adapters: r × (inputs + outputs) for every adapted layer."""
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


def _fixed(device: Device) -> float:
    return memory.PROCESS if device.name == devices.CPU else memory.CONTEXT


def _training(task: Task, body: payload.SftBody | payload.GrpoBody, flow: Flow, model: Model, device: Device) -> Amount:
    settings, shape, gpu = task.launch.settings, model.shape, device.name != devices.CPU
    trained = model.parameters
    if body.lora.r:
        trained = float(adapters(shape, body.lora)) if shape else 0.0
    spread = memory.shares(task.launch.strategy, settings.processes, gpu=gpu, precision=body.precision)
    held = memory.state(whole=model.parameters, trained=trained, precision=body.precision, shares=spread)
    parts = {"weights": held.weights, "gradients": held.gradients, "AdamW": held.optimizer}
    parts["16-bit copies"] = memory.casts(model, trained=trained, precision=body.precision, spread=spread.weights)
    if isinstance(body, payload.GrpoBody) and body.beta > 0 and not body.lora.r:
        parts["reference"] = 4 * model.parameters / spread.weights
    if settings.engine == "vllm" and device.memory:
        parts["vLLM's share"] = settings.vllm_memory * device.memory
    parts["CUDA" if gpu else "process"] = _fixed(device)
    if shape is None:
        return _told(parts, f"{model.source}; activations need the model's config.json", limit="at least")
    length = _longest(task, body, flow)
    acts = memory.activations(
        shape,
        tokens=settings.per_device_batch * length,
        precision=body.precision,
        checkpointing=settings.gradient_checkpointing,
    )
    grows = {"activations": acts}
    if isinstance(body, payload.GrpoBody) and settings.engine != "vllm":
        rollouts = _rollouts(body, model, shape, length=length, batch=body.global_batch / settings.processes)
        rollouts += 4 * model.parameters if spread.weights > 1 else 0.0  # gathered to generate
        # gradients and 16-bit copies are not there while completions are generated
        free = parts["gradients"] + parts["16-bit copies"]
        if rollouts > acts + free:
            grows = {"generation": rollouts - free}
    told = f"{model.source}; {settings.per_device_batch} × {count(length)} tokens a device"
    return _told(parts | grows, f"{told}, {'with' if settings.gradient_checkpointing else 'without'} checkpointing")


def _longest(task: Task, body: payload.SftBody | payload.GrpoBody, flow: Flow) -> float:
    rows = flow.rows(task)
    if isinstance(body, payload.SftBody):
        return min(rows.longest or body.max_length, body.max_length)
    room = body.max_length - body.sampling.max_new_tokens
    return min(rows.longest or room, room) + body.sampling.max_new_tokens


def _rollouts(body: payload.GrpoBody, model: Model, shape: Shape, *, length: float, batch: float) -> float:
    held = batch * length * speed.cache(model, body.precision)
    return held + memory.sampling(shape, batch=batch, greedy=body.sampling.temperature == 0)


def _generating(task: Task, flow: Flow, model: Model, device: Device) -> Amount:
    settings, asked, shape = task.launch.settings, flow.asked(task), model.shape
    precision = decoding.precision(model, device)
    weights = model.parameters * speed.bytes_of(precision)
    if settings.engine == "vllm" and device.memory:
        share = settings.vllm_memory * device.memory
        told = f"{model.source}: {_gib(weights / settings.tensor_parallel)} GiB of weights a device, the rest is cache"
        return Amount(share, f"{settings.vllm_memory:.0%} of {_gib(device.memory)} GiB (vLLM takes it whole)", told)
    parts = {"weights": weights, "CUDA" if device.name != devices.CPU else "process": _fixed(device)}
    if shape is None:
        return _told(parts, f"{model.source}; the cache needs the model's config.json", limit="at least")
    batch = min(asked.requests.value or math.inf, settings.generate_batch)
    length = (asked.prompt.value or 0.0) + asked.longest
    parts["cache"] = batch * length * speed.cache(model, precision) * (1 + 1 / shape.layers)
    sampling = getattr(task.body, "sampling", None)
    greedy = isinstance(sampling, payload.Sampling) and sampling.temperature == 0
    parts["logits"] = memory.sampling(shape, batch=batch, greedy=greedy)
    return _told(parts, f"{model.source}; {count(batch)} × {count(length)} tokens: {asked.prompt.text}")


def _told(parts: dict[str, float], source: str, limit: str = "about") -> Amount:
    formula = " + ".join(f"{name} {_gib(value)}" for name, value in parts.items() if value) + " GiB"
    return Amount(sum(parts.values()), formula, source, "at least" if limit == "at least" else "about")


# --- disk -------------------------------------------------------------------------------------------------------------


def disk(task: Task, flow: Flow) -> Amount:
    """Bytes of a task's out/."""
    body = task.body
    match body:
        case payload.SftBody() | payload.GrpoBody():
            return _models(task, body, flow)
        case payload.TeachBody() | payload.EvaluateBody():
            return _texts(clock.tokens(task, flow), flow, task)
        case payload.RowsBody():
            return _rows(task, flow)
        case _:
            return Amount(0.0, "small", "a few lines")


def _models(task: Task, body: payload.SftBody | payload.GrpoBody, flow: Flow) -> Amount:
    model, done = flow.model(task), learning.steps(task, body, flow)
    if model is None:
        return Amount(None, "N × bytes", "not known: the size of the model")
    one = model.parameters * speed.bytes_of(body.precision) + model.tokenizer
    kept, steps = _kept(body.keep, done.optimizer if done else None), (done.optimizer if done else 0.0)
    if kept is None:
        formula = f"{speed.bytes_of(body.precision)}·N, and its checkpoints"
        return Amount(one, formula, "not known: its steps", "at least")
    formula = f"{1 + kept:,.0f} × {speed.bytes_of(body.precision)}·N ({body.precision})" if kept else ""
    formula = formula or f"{speed.bytes_of(body.precision)}·N ({body.precision})"
    return Amount((1 + kept) * one + steps * LOG, f"{formula} + tokenizer", model.source)


def _kept(keep: payload.Checkpoint, steps: float | None) -> float | None:
    """Candidates beside the final weights."""
    match keep:
        case payload.Final():
            return 0.0
        case payload.AtStep():
            return 1.0
        case payload.Best(every=every):
            return None if steps is None else steps // every


def _texts(tokens: Amount, flow: Flow, task: Task) -> Amount:
    speech, asked = flow.speech(task), flow.asked(task)
    if tokens.value is None or asked.requests.value is None:
        return tokens._replace(formula="tokens × characters")
    ratio = speech.ratio if speech else CHARACTERS
    question = speech.question if speech else 0.0
    value = tokens.value * ratio + asked.requests.value * (RECORD + question)
    return Amount(value, f"tokens × {ratio:.2f} characters + {RECORD} bytes a line", tokens.source, tokens.limit)


def _rows(task: Task, flow: Flow) -> Amount:
    rows, speech = flow.rows(task), flow.speech(task)
    if rows.total.value is None or rows.prompt.value is None:
        return Amount(None, "rows × characters", "not known before there are traces")
    ratio = speech.ratio if speech else CHARACTERS
    each = (rows.prompt.value + (rows.target.value or 0.0)) * ratio + RECORD
    source = f"{rows.total.text}, {rows.prompt.text}"
    return Amount(rows.total.value * each, "rows × characters", source, rows.total.limit)


def scratch(task: Task, flow: Flow) -> Amount:
    """Bytes a task needs while it runs beside its result."""
    body, model = task.body, flow.model(task)
    if not isinstance(body, payload.SftBody | payload.GrpoBody):
        return Amount(0.0, "partial results only", "")
    if model is None:
        return Amount(None, "16·N", "not known: the size of the model")
    if body.lora.r:
        return Amount(0.0, "adapters only", model.source)
    # two checkpoints stay, the oldest is removed when a new one is whole; and the weights as the trainer saves them
    return Amount(
        2 * 12 * model.parameters + 4 * model.parameters,
        "2 checkpoints × 12·N (weights, two moments) + 4·N (the weights before they are converted)",
        model.source,
    )
