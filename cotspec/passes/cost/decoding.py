"""Time of tasks that generate: teacher rollouts, mining, evaluation, gates that validate.

Puts the arithmetic of `speed` into words.
"""

from __future__ import annotations

from typing import Final

from cotspec.ir.plan import Task
from cotspec.passes.cost import devices, learning, parts, speed
from cotspec.passes.cost.amounts import Amount, Limit
from cotspec.passes.cost.architecture import Model
from cotspec.passes.cost.devices import Device
from cotspec.passes.cost.flow import Asked, Flow
from cotspec.passes.cost.speed import Decoding
from cotspec.spec import payload

START: Final = 4.0
"""Seconds to import torch and transformers (measured)."""
AT_ONCE: Final = 256
"""Sequences vLLM decodes at a time unless memory is short."""


def generates(task: Task) -> bool:
    """Whether a task does nothing but generate."""
    if isinstance(task.body, payload.GateBody):
        return "problems" in task.reads
    return isinstance(task.body, payload.TeachBody | payload.MineBody | payload.EvaluateBody)


def asked(task: Task, flow: Flow) -> Asked:
    """What a task has to generate: a gate that picks the best on validation asks every candidate."""
    found, candidates = flow.asked(task), _candidates(task, flow)
    if candidates <= 1 or found.requests.value is None:
        return found
    text = f"{found.requests.text} × {candidates} candidates"
    return found._replace(requests=found.requests._replace(value=found.requests.value * candidates, text=text))


def _candidates(task: Task, flow: Flow) -> int:
    body, stage = task.body, flow.maker(task, "stage")
    if not isinstance(body, payload.GateBody) or stage is None:
        return 1
    if not isinstance(body.checkpoint, payload.Best) or not body.checkpoint.metric.startswith("valid."):
        return 1
    done = learning.steps_of(stage, flow)
    return 1 if done is None else 1 + int((done.optimizer - 1) // body.checkpoint.every)


def limit(given: Asked) -> Limit:
    """Whether a setting bounds it."""
    return "at most" if "at most" in (given.requests.limit, given.completion.limit) else "about"


def missing(given: Asked) -> str:
    """What is not known."""
    return f"not known: {given.requests.text or 'how many questions there will be'}"


def precision(model: Model, device: Device) -> str:
    """The format that generation computes in: float32 on the CPU, that of the saved weights on a GPU."""
    return "fp32" if device.name == devices.CPU else model.dtype or "bf16"


def seconds(task: Task, flow: Flow, device: Device) -> Amount:
    """Wall time of a task that generates."""
    model, given, settings = flow.model(task), asked(task, flow), task.launch.settings
    if model is None:
        return Amount(None, "steps of decoding", "not known: the size of the model")
    if given.requests.value is None:
        return Amount(None, "steps of decoding", missing(given))
    own, vllm = precision(model, device), settings.engine == "vllm"
    prompt, steps = given.prompt.value or 0.0, (given.completion.value or 0.0) if vllm else given.longest
    context = prompt + steps / 2
    batch = min(given.requests.value, _room(task, model, device, context) if vllm else settings.generate_batch)
    way = Decoding(
        engine=settings.engine,
        batch=batch,
        context=context,
        precision=own,
        weight=float(speed.bytes_of(own)),
        share=settings.tensor_parallel if vllm else 1,
    )
    part = _batches(model, device, way, requests=given.requests.value, steps=steps, prompt=prompt)
    fixed = START + model.parameters * speed.bytes_of(own) / devices.LOADING + (parts.VLLM if vllm else 0.0)
    return Amount(
        fixed + part.seconds,
        f"{part.seconds:,.1f} s {part.text} + {fixed:,.1f} s to start",
        f"{model.source}; {given.requests.text}, {given.prompt.text}, {given.completion.text}",
        limit(given),
    )


def _batches(
    model: Model, device: Device, way: Decoding, *, requests: float, steps: float, prompt: float
) -> parts.Part:
    """All requests: vLLM fills a place as soon as it is free, transformers ends with what is left over."""
    rounds = requests / max(1.0, way.batch)
    if way.engine == "vllm":
        return parts.decoded(model, device, way, rounds=rounds, steps=steps, prompt=prompt)
    whole, left = divmod(requests, way.batch)
    if not left:
        return parts.decoded(model, device, way, rounds=whole, steps=steps, prompt=prompt)
    last = parts.decoded(model, device, way._replace(batch=left), rounds=1, steps=steps, prompt=prompt)
    if not whole:
        return last
    most = parts.decoded(model, device, way, rounds=whole, steps=steps, prompt=prompt)
    return parts.Part(most.seconds + last.seconds, f"{most.text} and a last batch of {left:,.0f}")


def _room(task: Task, model: Model, device: Device, context: float) -> float:
    """Sequences whose cache fits beside the weights in vLLM's share of the memory."""
    settings, one = task.launch.settings, context * speed.cache(model, model.dtype or "bf16")
    weights = model.parameters * speed.bytes_of(model.dtype or "bf16")
    room = settings.vllm_memory * device.memory * settings.tensor_parallel - weights
    return AT_ONCE if not one or not device.memory else max(1.0, min(AT_ONCE, room // one))
