"""Seconds and bytes on a device: one formula for each, in plain numbers. Knows models and devices; no task.

Time. Training takes 6·N FLOPs a token (2 forward, 2 for gradients of activations, 2 for those of weights: Kaplan et al.
2020, arXiv 2001.08361), 2·N more with gradient checkpointing, and attention's 12·layers·width·length (Chowdhery et al.
2022, arXiv 2204.02311). A step of decoding reads all weights and the cache, or computes 2·N a sequence, whichever takes
longer (the roofline), and waits for Python in each layer.

Memory. Weights, gradients and moments, spread as ZeRO does (Rajbhandari et al. 2020, arXiv 1910.02054), activations
tensor by tensor for a Llama-style layer (after Korthikanti et al. 2022, arXiv 2205.05198), and logits tile by tile as
TRL's heads have them. A test holds their sum to torch's own count. Holes in a CPU's heap are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from cotspec.estimate.model_size import Model, Shape
from cotspec.estimate.model_size import layer as weights_of_layer
from cotspec.spec.resources import Strategy
from cotspec.trainers.trainer import Head

GIB: Final = 1 << 30
DEFAULT: Final = "A100-80G"
"""What a task with GPUs is taken to run on unless somebody says otherwise."""
CPU: Final = "cpu"

# What part of the published peaks is assumed to be reached, and what is waited for besides.
UTILISATION: Final = 0.4
"""Share of a GPU's peak that training and scoring reach (published runs: 0.35 to 0.5)."""
_CPU_UTILISATION: Final = 0.7
"""Share of a core's peak, here that of 256-bit products (measured with 135 M parameters: 0.65 to 0.85)."""
BANDWIDTH: Final = 0.6
"""Share of the memory bandwidth that decoding reaches."""
DISPATCH: Final = 0.8e-3
"""Seconds of Python and kernel launches for a layer of a forward pass (transformers)."""
GRAPH: Final = 0.04e-3
"""The same with captured graphs (vLLM)."""
LOADING: Final = 1e9
"""Bytes a second at which weights are read or written."""
_CORE: Final = 80e9
"""FLOP/s of a core: two 256-bit multiply-adds a cycle at 2.5 GHz."""
_STREAM: Final = 16e9
"""Bytes a second that one core of a server reads from memory."""
TILE_TOKENS: Final = 4096
TILE_LOGITS: Final = 32768
"""Size of the tiles in which TRL's heads have their logits (`trl.kernels`; tests compare)."""
_LOG_P: Final = 7.25
"""float32 numbers for each logit of a tile, beside the tile itself, in the backward pass of log-probabilities where
Triton does not run: there torch has each step of a softmax's gradient in a tensor of its own (counted) …"""
_DIVERGENCE: Final = 9
"""… in that of a divergence, beside the tiles of student and teacher …"""
_ALL: Final = 3
"""… and for each of all logits, beside the teacher's: the student's log-probability, and two steps of the teacher's."""
_PROCESS: Final = MappingProxyType({"train": 600_000_000, "generate": 370_000_000, "gpu": 700_000_000})
"""Bytes of a process beside its tensors, measured on the CPU; of a CUDA context on a GPU."""


class Device(NamedTuple):
    """A kind of device."""

    name: str
    fp32: float
    """FLOP/s of float32 products without TF32."""
    half: float
    """FLOP/s of bfloat16 and float16 products with float32 sums."""
    bandwidth: float
    """Bytes a second of its memory."""
    memory: int
    """Bytes; 0 when it depends on the machine."""
    utilisation: float = UTILISATION
    """Part of the peak that is assumed to be reached."""

    def reached(self, precision: str) -> float:
        """FLOP/s that are assumed to be reached in a precision."""
        return self.utilisation * self.flops(precision)

    def flops(self, precision: str) -> float:
        """Peak FLOP/s in a precision."""
        return self.fp32 if precision == "fp32" else self.half


DEVICES: Final[Mapping[str, Device]] = MappingProxyType(
    {
        device.name: device
        for device in (
            Device("A100-80G", 19.5e12, 312e12, 2.04e12, 80 * GIB),
            Device("A100-40G", 19.5e12, 312e12, 1.56e12, 40 * GIB),
            Device("H100", 67e12, 989e12, 3.35e12, 80 * GIB),
            Device("H200", 67e12, 989e12, 4.8e12, 141 * 10**9),
            Device("L40S", 91.6e12, 362e12, 0.864e12, 48 * GIB),
            Device("RTX-4090", 82.6e12, 165e12, 1.01e12, 24 * GIB),
        )
    }
)
"""GPUs by name, as their makers publish them (dense products)."""


def cpu(cores: int) -> Device:
    """The CPU; 16-bit products are no faster there."""
    return Device(CPU, cores * _CORE, cores * _CORE, cores * _STREAM, 0, _CPU_UTILISATION)


class Way(NamedTuple):
    """How a model is run."""

    device: Device
    devices: int
    precision: str
    vllm: bool


# --- time -------------------------------------------------------------------------------------------------------------


def flops(model: Model, *, length: float, factor: int) -> float:
    """FLOPs of one token in a sequence of `length` tokens: `factor` 2 for a forward pass, 6 for training."""
    attention = 2 * model.shape.layers * model.shape.query * length if model.shape else 0.0
    return factor * (model.active + attention)


def computing(model: Model, way: Way, *, tokens: float, length: float, factor: int, passes: float = 0.0) -> float:
    """Seconds of products for `tokens` tokens, in `passes` forward passes of a batch."""
    products = tokens * flops(model, length=length, factor=factor)
    return products / (way.device.reached(way.precision) * way.devices) + passes * _waiting(model, way)


def decoding(model: Model, way: Way, *, batch: float, steps: float, prompt: float, cast: bool = False) -> float:
    """Seconds in which a batch of `batch` sequences on each device is prefilled and grows by `steps` tokens.

    `cast`: float32 weights are cast to 16 bits in every step (read, written, read again).
    """
    context, width = prompt + steps / 2, bytes_of(way.precision)
    one_sequence = context * cache(model, way.precision) * (1 if way.vllm else 3)  # transformers writes it anew
    moved = model.active * (8 if cast else width) + batch * one_sequence
    products = batch * flops(model, length=context, factor=2)
    step = max(products / way.device.reached(way.precision), moved / (BANDWIDTH * way.device.bandwidth)) + _waiting(
        model, way
    )
    return steps * step + computing(model, way._replace(devices=1), tokens=batch * prompt, length=prompt, factor=2)


def _waiting(model: Model, way: Way) -> float:
    layers = model.shape.layers if model.shape else 32
    return layers * (GRAPH if way.vllm else DISPATCH)


# --- memory -----------------------------------------------------------------------------------------------------------

MOMENTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "adafactor": 0,  # sums of rows and columns only
        "sgd": 0,
        "adagrad": 4,
        "rmsprop": 4,
        "adamw_8bit": 2,
        "paged_adamw_8bit": 2,
        "lion_8bit": 1,
        "lion_32bit": 4,
    }
)
"""Bytes an optimizer keeps for a trained parameter, where it is not AdamW's 8."""


def moments(optimizer: object) -> int:
    """Bytes that an optimizer, by TRL's name, keeps for a trained parameter."""
    return MOMENTS.get(str(optimizer), 8)


def state(
    *, whole: float, trained: float, precision: str, strategy: Strategy, devices: int, gpu: bool, moments: int
) -> dict[str, float]:
    """Bytes on each device that stay through a run: float32 masters of what is trained, a frozen base in 16 bits."""
    spread = devices if devices > 1 else 1
    weights = spread if strategy in ("fsdp", "zero3") else 1
    gradients = 1 if strategy == "ddp" else spread
    bucketed = (gpu or devices > 1) and (devices == 1 or strategy == "ddp")  # DDP's buckets are as large as gradients
    half = 2 * trained if strategy == "zero2" and spread > 1 and precision != "fp32" else 0.0
    frozen = whole * bytes_of(precision) if trained < whole else 0.0
    masters = 4 * trained / (spread if half else weights)
    return {
        "weights": frozen / weights + masters + half,
        "gradients": 4 * trained / gradients,
        "buckets": 4 * trained if bucketed else 0.0,
        "optimizer": moments * trained / gradients,
    }


def activations(shape: Shape, *, tokens: float, precision: str, checkpointing: bool) -> float:
    """Bytes kept for the backward pass of `tokens` tokens."""
    every = shape.layers * layer(shape, precision)
    if checkpointing:
        every = min(every, shape.layers * 4 * shape.hidden + layer(shape, precision))
    return tokens * every


def logits(shape: Shape, *, tokens: float, precision: str, head: Head, gpu: bool) -> float:
    """Bytes of the logits of `tokens` tokens when they are most, while all activations are there, and of the weights
    that autocast casts for them."""
    cast = 2 * shape.hidden if precision != "fp32" else 0
    if head == "all logits":
        return shape.vocab * (tokens * (bytes_of(precision) + 4 * _ALL) + 2 * cast)
    rows, used = min(tokens, TILE_TOKENS), min(shape.vocab, TILE_LOGITS)
    width = TILE_LOGITS if gpu else used  # memory that is never touched takes nothing of a CPU's
    tile, beside = (bytes_of(precision), _LOG_P) if head == "tiles" else (2 * 4, _DIVERGENCE)
    return rows * (width * tile + (0 if gpu else used * 4 * beside)) + used * cast


def cross_entropy(shape: Shape, *, tokens: float) -> float:
    """Bytes of torch's own cross-entropy: log-probabilities and two steps of their gradient, in float32."""
    return 3 * 4 * shape.vocab * tokens


def cast(shape: Shape, precision: str, strategy: Strategy) -> float:
    """Bytes of the 16-bit copies of the layers' float32 weights: autocast makes each once in a forward pass, and the
    backward pass still reads it. What shards the weights casts them itself, a layer at a time."""
    return 2.0 * shape.layers * weights_of_layer(shape) if precision != "fp32" and strategy == "ddp" else 0.0


def layer(shape: Shape, precision: str) -> float:
    """Bytes of one token in one layer: norms and inputs of projections; queries, keys, values (repeated for each query
    head) and attention's output; the gated feed-forward part. Under 16 bits the residuals stay in float32."""
    hidden = 26 if bytes_of(precision) == 2 else 24
    return hidden * shape.hidden + 4 * bytes_of(precision) * (shape.query + shape.mlp)


def cache(model: Model, precision: str) -> float:
    """Bytes of the keys and values of one token."""
    return 2 * model.shape.layers * model.shape.kv * bytes_of(precision) if model.shape else 0.0


def generating(model: Model, way: Way, *, batch: float, length: float) -> dict[str, float]:
    """Bytes on each device of a task that generates: a batch of `length` tokens each."""
    weights = model.parameters * bytes_of(way.precision)
    # Logits of the last step, their float64 probabilities and sums.
    logits = batch * model.shape.vocab * 32 if model.shape else 0.0
    return {
        "weights": weights / (way.devices if way.vllm else 1),
        "cache": batch * length * cache(model, way.precision),
        "logits": logits,
    }


def process(way: Way, *, trains: bool) -> int:
    """Bytes of a process beside its tensors."""
    return _PROCESS["gpu" if way.device.name != CPU else "train" if trains else "generate"]


def bytes_of(precision: str) -> int:
    """Bytes of one number in a format."""
    return 4 if precision == "fp32" else 2
