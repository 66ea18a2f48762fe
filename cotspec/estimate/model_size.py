"""How large a model is: an exact count of parameters from a Llama- or Qwen-style configuration, or its name's word.

Knows configurations as data; not where they are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from cotspec.cot.model_config import number
from cotspec.spec import payload

_NAMED: Final = re.compile(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?)\s?([BbMm])(?![A-Za-z0-9])")
_ACTIVE: Final = re.compile(r"(?<![A-Za-z0-9])A(\d+(?:\.\d+)?)[Bb](?![A-Za-z0-9])")
_UNITS: Final = MappingProxyType({"b": 1e9, "m": 1e6})
_FORMATS: Final = MappingProxyType({"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"})


class Shape(NamedTuple):
    """The numbers of a decoder that its cost depends on."""

    layers: int
    hidden: int
    mlp: int
    """Width of the feed-forward part."""
    query: int
    """Heads × width of a head."""
    kv: int
    """Key-value heads × width of a head."""
    head: int
    vocab: int
    tied: bool
    """Whether the output head is the embedding."""
    qkv_bias: bool
    out_bias: bool
    mlp_bias: bool
    qk_norm: bool


class Model(NamedTuple):
    """A model as estimates see it."""

    parameters: float
    active: float
    """Parameters that take part in one token's products: neither the lookup of an embedding nor idle experts."""
    shape: Shape | None
    """None when only the name tells."""
    dtype: str
    """Number format of the saved weights, `fp32`, `bf16` or `fp16`; "" when nothing tells."""
    tokenizer: int
    """Bytes of the files beside the weights; 0 when nothing tells."""
    source: str
    """`N = 3.09e9 from config.json`."""


def parameters(shape: Shape) -> int:
    """Embedding, layers and norms, counted exactly as they are saved."""
    return shape.vocab * shape.hidden * (1 if shape.tied else 2) + shape.layers * layer(shape) + shape.hidden


def layer(shape: Shape) -> int:
    """Parameters of one layer: attention, feed-forward part (three matrices), norms, biases."""
    attention = 2 * shape.hidden * (shape.query + shape.kv)
    biases = (shape.query + 2 * shape.kv) * shape.qkv_bias + shape.hidden * shape.out_bias
    biases += (2 * shape.mlp + shape.hidden) * shape.mlp_bias
    norms = 2 * shape.hidden + 2 * shape.head * shape.qk_norm
    return attention + 3 * shape.hidden * shape.mlp + biases + norms


def shape(config: Mapping[str, object]) -> Shape | None:
    """Read a `config.json`; None for a family whose count is not known here, or a file that is not one."""
    kind = config.get("model_type")
    if kind not in ("llama", "mistral", "qwen2", "qwen3"):
        return None
    heads, hidden = number(config, "num_attention_heads"), number(config, "hidden_size")
    layers, mlp, vocab = (number(config, key) for key in ("num_hidden_layers", "intermediate_size", "vocab_size"))
    if not (heads and hidden and layers and mlp and vocab):
        return None
    head = number(config, "head_dim") or hidden // heads
    bias = config.get("attention_bias") is True
    return Shape(
        layers=layers,
        hidden=hidden,
        mlp=mlp,
        query=heads * head,
        kv=(number(config, "num_key_value_heads") or heads) * head,
        head=head,
        vocab=vocab,
        tied=config.get("tie_word_embeddings") is True,
        qkv_bias=bias or kind == "qwen2",
        out_bias=bias,
        mlp_bias=config.get("mlp_bias") is True,
        qk_norm=kind == "qwen3",
    )


def of_config(config: Mapping[str, object], *, file: str, tokenizer: int = 0) -> Model | None:
    """The model a `config.json` describes; None when its family is not known here."""
    size = shape(config)
    if size is None:
        return None
    count = parameters(size)
    dtype = config.get("dtype", config.get("torch_dtype"))
    return Model(
        parameters=count,
        active=count - (0 if size.tied else size.vocab * size.hidden),
        shape=size,
        dtype=_FORMATS.get(str(dtype), ""),
        tokenizer=tokenizer,
        source=f"N = {count:.3g} from {file}",
    )


def of_name(name: str) -> Model | None:
    """What a name such as `Qwen2.5-3B` says; None when it says nothing (`8x7B` does not say its sum)."""
    billions = _NAMED.search(name.rpartition("/")[2])
    if billions is None:
        return None
    count = float(billions[1]) * _UNITS[billions[2].lower()]
    active = _ACTIVE.search(name)
    return Model(
        parameters=count,
        active=float(active[1]) * 1e9 if active else count,
        shape=None,
        dtype="",
        tokenizer=0,
        source=f"N = {count:.3g} from the name `{billions[0]}`",
    )


def adapters(model: Model, lora: payload.Lora) -> float:
    """Parameters of low-rank adapters, r × (inputs + outputs) for every adapted layer; 1 % of N without a shape."""
    shape = model.shape
    if shape is None:
        return model.parameters / 100
    sides = {
        "q_proj": shape.hidden + shape.query,
        "k_proj": shape.hidden + shape.kv,
        "v_proj": shape.hidden + shape.kv,
        "o_proj": shape.query + shape.hidden,
        "gate_proj": shape.hidden + shape.mlp,
        "up_proj": shape.hidden + shape.mlp,
        "down_proj": shape.mlp + shape.hidden,
    }
    named = sides if tuple(lora.targets) == ("all-linear",) else lora.targets
    return lora.r * shape.layers * sum(sides.get(target, 0) for target in named)
