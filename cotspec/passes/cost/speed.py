"""Seconds that products and decoding take on a device: the arithmetic alone, in plain numbers.

Products: 6·N FLOPs a token for training and 2·N for a forward pass (Kaplan et al. 2020, arXiv 2001.08361), with
attention's 12·L·q·s and 4·L·q·s (Chowdhery et al. 2022, arXiv 2204.02311, appendix B). Decoding: each step reads all
weights and the cache, or computes 2·N a sequence, whichever takes longer.
"""

from __future__ import annotations

from typing import NamedTuple

from cotspec.passes.cost import devices
from cotspec.passes.cost.architecture import Model
from cotspec.passes.cost.devices import Device


def factor(*, frozen: bool, checkpointing: bool) -> int:
    """FLOPs for a parameter and a token: forward 2, gradients of activations 2, of weights 2 (none for a frozen base),
    and 2 for the second forward pass of gradient checkpointing."""
    return 2 + 2 + (0 if frozen else 2) + (2 if checkpointing else 0)


def products(model: Model, *, length: float, factor: int) -> float:
    """FLOPs of one token in a sequence of `length`; attention's part needs the model's shape."""
    attention = 2 * model.shape.layers * model.shape.query * length if model.shape else 0.0
    return factor * (model.active + attention)


def computing(flops: float, device: Device, precision: str, *, share: int = 1) -> float:
    """Seconds of products, spread over `share` devices."""
    return flops / (devices.TRAINING * device.flops(precision) * share)


class Decoding(NamedTuple):
    """How text is generated on each device."""

    engine: str
    batch: float
    """Sequences at a time on one device."""
    context: float
    """Tokens in the cache of a sequence, halfway through."""
    precision: str
    """Number format of products and cache."""
    weight: float
    """Bytes moved for one parameter in one step."""
    share: int
    """Devices that one copy of the model is split over."""


class Step(NamedTuple):
    """One step of a batch, and what it waits for."""

    seconds: float
    text: str


def step(model: Model, device: Device, way: Decoding) -> Step:
    """One step of a batch."""
    flops = way.batch * products(model, length=way.context, factor=2)
    moved = model.active * way.weight + way.batch * way.context * cache(model, way.precision) * copies(way.engine)
    products_take = computing(flops, device, way.precision, share=way.share)
    moves_take = moved / (devices.BANDWIDTH * device.bandwidth * way.share)
    waiting = overhead(model, way.engine)
    if waiting > max(products_take, moves_take):
        told = "most of it dispatch"
    elif moves_take > products_take:
        told = f"weights and cache at {devices.BANDWIDTH:.0%} of {device.bandwidth / 1e9:,.0f} GB/s"
    else:
        told = f"2·N·batch FLOPs at {devices.TRAINING:.0%} of {device.flops(way.precision) / 1e12:.3g} TFLOP/s"
    return Step(max(products_take, moves_take) + waiting, told)


def overhead(model: Model, engine: str) -> float:
    """Seconds of a forward pass in which the device waits for Python."""
    layers = model.shape.layers if model.shape else 0
    return layers * (devices.GRAPH if engine == "vllm" else devices.DISPATCH)


def cache(model: Model, precision: str) -> float:
    """Bytes of the keys and values of one token."""
    return 2 * model.shape.layers * model.shape.kv * bytes_of(precision) if model.shape else 0.0


def copies(engine: str) -> int:
    """Times the cache is moved in a step: transformers writes it anew for every token, then reads it."""
    return 1 if engine == "vllm" else 3


def bytes_of(precision: str) -> int:
    """Bytes of a number."""
    return 4 if precision == "fp32" else 2
