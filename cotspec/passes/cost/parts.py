"""A part of a task's work: its seconds and what they are spent on. Decoding is here because GRPO does it too."""

from __future__ import annotations

from typing import Final, NamedTuple

from cotspec.passes.cost import speed
from cotspec.passes.cost.architecture import Model
from cotspec.passes.cost.devices import Device
from cotspec.passes.cost.speed import Decoding
from cotspec.passes.cost.words import count

VLLM: Final = 60.0
"""Seconds vLLM takes to profile memory and to capture graphs (assumed)."""


class Part(NamedTuple):
    """A part of a task's work."""

    seconds: float
    text: str


def decoded(model: Model, device: Device, way: Decoding, *, rounds: float, steps: float, prompt: float) -> Part:
    """Batches of sequences that each take so many steps, and their prompts."""
    one = speed.step(model, device, way)
    prefill = rounds * way.batch * prompt * speed.products(model, length=prompt, factor=2)
    value = rounds * steps * one.seconds + speed.computing(prefill, device, way.precision, share=way.share)
    many = "1 batch" if rounds == 1 else f"{count(rounds)} batches"
    told = f"{many} of {count(way.batch)} × {count(steps)} steps × {one.seconds * 1000:.3g} ms"
    return Part(value, f"to generate ({told}: {one.text})")
