"""Bytes on a device: weights, gradients, optimizer, activations, cache. The arithmetic alone, in plain numbers.

Shares follow ZeRO (Rajbhandari et al. 2020, arXiv 1910.02054). Activations are counted tensor by tensor for a
Llama-style layer with fused attention, in the manner of Korthikanti et al. 2022 (arXiv 2205.05198); the count is that
of the tensors torch keeps (tests/runtime/test_kept_activations.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from cotspec.passes.cost.architecture import Model, Shape
from cotspec.passes.cost.speed import bytes_of
from cotspec.spec.resources import Strategy

TILE: Final = 4096
"""Tokens whose logits exist at a time: the trainers' head works in tiles of this many, 4,096 logits wide."""
CONTEXT: Final = 700_000_000
"""Bytes a CUDA context and its libraries take on a GPU."""
TRAINER: Final = 1_300_000_000
"""Bytes of a training process on the CPU beside its tensors (measured on four tasks of the tiny experiment)."""
GENERATOR: Final = 370_000_000
"""Bytes of a generating process on the CPU beside its tensors (measured)."""
KEPT: Final = 1.2
"""Share of activations that a process on the CPU takes: freed memory is kept, in pieces (measured with `TRAINER`)."""


MOMENTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "adamw_torch_fused": 8,
        "adamw_torch": 8,
        "adafactor": 0,  # sums of rows and columns only
        "sgd": 0,
        "adagrad": 4,
        "rmsprop": 4,
        "adamw_8bit": 2,
        "paged_adamw_8bit": 2,
        "paged_adamw_32bit": 8,
        "lion_8bit": 1,
        "lion_32bit": 4,
    }
)
"""Bytes an optimizer keeps for a trained parameter."""


def moments(trainer: Mapping[str, object]) -> int:
    """Bytes for a trained parameter of the optimizer that the trainer's settings name; AdamW when they name none."""
    return MOMENTS.get(str(trainer.get("optim")), 8)


class State(NamedTuple):
    """What stays on a device between two steps."""

    weights: float
    gradients: float
    optimizer: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.weights + self.gradients + self.optimizer


def state(*, whole: float, trained: float, precision: str, shares: Shares, moments: int = 8) -> State:
    """`whole` are all parameters, `trained` those with gradients; a frozen base is held in the training's precision."""
    frozen = whole if trained < whole else 0.0
    master = 4 * trained / shares.optimizer if shares.half else 4 * trained / shares.weights
    weights = frozen * bytes_of(precision) / shares.weights + master + (2 * trained if shares.half else 0.0)
    return State(weights, shares.gradient_bytes * trained / shares.gradients, moments * trained / shares.optimizer)


class Shares(NamedTuple):
    """Over how many devices each part is spread."""

    weights: int
    gradients: int
    optimizer: int
    gradient_bytes: int
    """Bytes for a gradient: 4, and 4 more in the buckets that DDP sends."""
    half: bool
    """Whether a 16-bit copy of all weights stays on each device beside the spread float32 ones (ZeRO-2)."""


def shares(strategy: Strategy, devices: int, *, gpu: bool, precision: str) -> Shares:
    """How a strategy spreads the work; on one device there is nothing to spread."""
    if devices == 1 or strategy == "ddp":
        return Shares(1, 1, 1, 8 if gpu else 4, False)
    if strategy == "zero2":
        return Shares(1, devices, devices, 4, bytes_of(precision) == 2)
    return Shares(devices, devices, devices, 4, False)


def activations(shape: Shape, *, tokens: float, precision: str, checkpointing: bool) -> float:
    """Bytes kept for the backward pass of `tokens` tokens, and one tile of logits."""
    one = layer(shape, precision)
    every = shape.layers * one
    if checkpointing:
        every = min(every, shape.layers * 4 * shape.hidden + one)
    return tokens * every + 3 * 4 * min(tokens, TILE) * min(shape.vocab, TILE)


def layer(shape: Shape, precision: str) -> float:
    """Bytes of one token in one layer: norms and inputs of projections; queries, keys, values (repeated for each query
    head) and attention's output; the gated feed-forward part. Under 16 bits the residuals stay in float32."""
    hidden = 26 if bytes_of(precision) == 2 else 24
    return hidden * shape.hidden + 4 * bytes_of(precision) * (shape.query + shape.mlp)


def casts(model: Model, *, trained: float, precision: str, spread: int) -> float:
    """16-bit copies of float32 weights that autocast keeps through a step; of spread weights, the two layers that are
    gathered at a time."""
    if spread > 1:
        return bytes_of(precision) * model.active * 2 / max(2, model.shape.layers if model.shape else 2)
    return 2 * model.active if bytes_of(precision) == 2 and trained >= model.parameters else 0.0


def sampling(shape: Shape, *, batch: float, greedy: bool) -> float:
    """Bytes of the last step's logits, and in sampling of their float64 probabilities and sums."""
    return batch * shape.vocab * (8 if greedy else 32)


def passing(shape: Shape, precision: str) -> float:
    """Bytes of one token on its way through a layer, when nothing is kept."""
    return bytes_of(precision) * (3 * shape.mlp + 2 * shape.hidden)
