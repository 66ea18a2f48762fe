"""Time of training tasks: SFT, and GRPO with its generation and scoring. Puts the arithmetic of `speed` into words."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from cotspec.ir.plan import Task
from cotspec.passes.cost import devices, memory, parts, speed
from cotspec.passes.cost.amounts import Amount, Limit
from cotspec.passes.cost.architecture import Model
from cotspec.passes.cost.devices import Device
from cotspec.passes.cost.flow import Flow
from cotspec.passes.cost.parts import Part
from cotspec.passes.cost.speed import Decoding
from cotspec.passes.cost.words import count
from cotspec.spec import payload

TrainBody = payload.SftBody | payload.GrpoBody
START: Final = 9.0
"""Seconds to import torch, transformers, TRL and datasets and to set up a trainer (measured)."""


class Steps(NamedTuple):
    """What a training task goes through."""

    rows: float
    """Rows it uses; a GRPO stage leaves those out that do not fill a batch."""
    optimizer: float
    """Optimizer steps."""
    prompt: float
    """Mean tokens of a prompt; 0 for SFT, whose `target` is the whole row."""
    target: float
    """Mean tokens of a row, or of a completion."""
    longest: float
    """Tokens of the longest row, or completion."""
    text: str
    limit: Limit


class Job(NamedTuple):
    """What is trained, on what."""

    task: Task
    body: TrainBody
    model: Model
    device: Device

    @property
    def processes(self) -> int:
        """One for each device."""
        return self.task.launch.settings.processes


def steps_of(task: Task, flow: Flow) -> Steps | None:
    """What a task goes through; None when it is not training, or the number of its rows is not known."""
    return steps(task, task.body, flow) if isinstance(task.body, TrainBody) else None


def steps(task: Task, body: TrainBody, flow: Flow) -> Steps | None:
    """What a training task goes through; None when the number of its rows is not known."""
    match body:
        case payload.SftBody():
            return _sft_steps(task, body, flow)
        case payload.GrpoBody():
            return _grpo_steps(task, body, flow)


def _sft_steps(task: Task, body: payload.SftBody, flow: Flow) -> Steps | None:
    rows, most = flow.rows(task), body.max_length
    total, limit = rows.total.value, rows.total.limit
    if total is None:
        return None
    if rows.prompt is None or rows.target is None:
        told, length, limit = f"{rows.total.text} × at most {most:,} tokens (`max_length`)", float(most), "at most"
    else:
        length = min(rows.prompt + rows.target, most)
        told = f"{rows.total.text} × {count(length)} tokens ({rows.text})"
    optimizer = math.ceil(total / body.global_batch)
    return Steps(total, optimizer, 0.0, length, min(rows.longest or most, most), told, limit)


def _grpo_steps(task: Task, body: payload.GrpoBody, flow: Flow) -> Steps | None:
    rows, prompts = flow.rows(task), max(1, body.global_batch // body.group)
    if rows.total.value is None:
        return None
    used = rows.total.value // prompts * prompts
    room = body.max_length - body.sampling.max_new_tokens
    completion, longest = flow.completions(task, body.sampling.max_new_tokens, "log.jsonl")
    prompt, asked = float(room), f"prompt at most {room:,} tokens (`max_length` − `max_new_tokens`)"
    if rows.prompt is not None:
        prompt, asked = min(rows.prompt, room), f"prompt {count(rows.prompt)} tokens ({rows.text})"
    bound = "at most" in (rows.total.limit, completion.limit) or rows.prompt is None
    told = rows.total.text if used == rows.total.value else f"{count(used)} in whole batches of {rows.total.text}"
    return Steps(
        rows=used,
        optimizer=used / prompts * body.iterations,
        prompt=prompt,
        target=completion.value or 0.0,
        longest=longest,
        text=f"{told} × group {body.group} × ({asked} + {completion.text})",
        limit="at most" if bound else "about",
    )


def seconds(task: Task, body: TrainBody, flow: Flow, device: Device) -> Amount:
    """Wall time of a training task."""
    model, done = flow.model(task), steps(task, body, flow)
    if model is None:
        return Amount(None, "6·N·T", "not known: the size of the model")
    if done is None:
        return Amount(None, "6·N·T", "not known: how many rows there will be")
    job = Job(task, body, model, device)
    work = _sft(job, done) if isinstance(body, payload.SftBody) else _grpo(job, body, done)
    every = (*work, _fixed(job, done))
    formula = " + ".join(f"{part.seconds:,.1f} s {part.text}" for part in every)
    return Amount(sum(part.seconds for part in every), formula, f"{model.source}; {done.text}", done.limit)


def _sft(job: Job, done: Steps) -> tuple[Part, ...]:
    return (_gradients(job, rows=done.rows, length=done.target),)


def _grpo(job: Job, body: payload.GrpoBody, done: Steps) -> tuple[Part, ...]:
    """Completions of a batch are padded to its longest, so all of them are computed at that length."""
    sequences, length = done.rows * body.group, done.prompt + done.longest
    generation = (_rollouts(job, body, done), *_scoring(job, body, sequences=sequences, length=length))
    return (*generation, _gradients(job, rows=sequences * body.iterations, length=length))


def _rollouts(job: Job, body: payload.GrpoBody, done: Steps) -> Part:
    # Training keeps float32 weights, which 16-bit decoding casts anew in every step: read, written, read again.
    cast = body.precision != "fp32" and not body.lora.r
    way = Decoding(
        engine=job.task.launch.settings.engine,
        batch=body.global_batch / job.processes,
        context=done.prompt + done.longest / 2,
        precision=body.precision,
        weight=8.0 if cast else float(speed.bytes_of(body.precision)),
        share=1,
    )
    rounds = done.rows * body.group / body.global_batch
    return parts.decoded(job.model, job.device, way, rounds=rounds, steps=done.longest, prompt=done.prompt)


def _scoring(job: Job, body: payload.GrpoBody, *, sequences: float, length: float) -> tuple[Part, ...]:
    """Forward passes for log-probabilities: of the reference when there is a KL term, of the policy that generated when
    its completions serve more than one step or come from another engine."""
    old = body.iterations > 1 or job.task.launch.settings.engine == "vllm"
    names = [name for name, wanted in (("reference", body.beta > 0), ("old policy", old)) if wanted]
    if not names:
        return ()
    flops = len(names) * sequences * length * speed.products(job.model, length=length, factor=2)
    value = speed.computing(flops, job.device, body.precision, share=job.processes)
    return (Part(value, f"2·N·T for the {' and the '.join(names)}"),)


def _gradients(job: Job, *, rows: float, length: float) -> Part:
    settings, precision = job.task.launch.settings, job.body.precision
    factor = speed.factor(frozen=job.body.lora.r > 0, checkpointing=settings.gradient_checkpointing)
    flops = rows * length * speed.products(job.model, length=length, factor=factor)
    passes = math.ceil(rows / (settings.per_device_batch * settings.processes)) * factor / 2
    waiting = passes * speed.overhead(job.model, "transformers")
    many = f"{job.processes} × " if job.processes > 1 else ""
    rate = f"{devices.TRAINING:.0%} of {many}{job.device.flops(precision) / 1e12:,.3g} TFLOP/s ({job.device.name})"
    value = speed.computing(flops, job.device, precision, share=job.processes) + waiting
    return Part(value, f"for {factor}·N·T = {flops:.2g} FLOPs at {rate}")


def _fixed(job: Job, done: Steps) -> Part:
    """The start, and what is saved: the checkpoints a killed run resumes from (weights and optimizer), one of them
    at the end, and the result, which is saved, read again and saved in its own format."""
    settings, count = job.task.launch.settings, job.model.parameters
    checkpoint = 0.0 if job.body.lora.r else (4 + memory.moments(job.body.trainer)) * count
    moved = 16 * count + max(1.0, done.optimizer // settings.save_steps) * checkpoint
    start = START + (parts.VLLM if settings.engine == "vllm" else 0.0)
    return Part(start + moved / devices.LOADING, "to start and save")
