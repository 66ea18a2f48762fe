"""Parameters are counted exactly, or read from a name, or unknown."""

from __future__ import annotations

import json
import struct
from math import prod
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.builtin.digest import MODELS
from cotspec.builtin.registry import MODELS as NAMES
from cotspec.estimate import model_size as architecture
from cotspec.estimate import published
from cotspec.estimate.model_size import of_config, of_name, parameters


def saved(folder: Path) -> int:
    """Parameters of a safetensors file, from its own header."""
    data = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    tensors = json.loads(data[8 : 8 + length])
    return sum(prod(tensor["shape"]) for name, tensor in tensors.items() if name != "__metadata__")


@pytest.mark.parametrize("name", NAMES)
def test_the_count_from_a_config_is_the_number_of_saved_weights(name: str) -> None:
    config = json.loads((MODELS / name / "config.json").read_text(encoding="utf-8"))
    model = of_config(config, file="config.json")
    assert model is not None
    assert model.parameters == saved(MODELS / name)


PUBLISHED = {  # as the hub shows them for the saved weights
    "Qwen/Qwen2.5-0.5B": 494_032_768,
    "Qwen/Qwen2.5-1.5B": 1_543_714_304,
    "Qwen/Qwen2.5-3B": 3_085_938_688,
    "Qwen/Qwen2.5-7B": 7_615_616_512,
    "Qwen/Qwen2.5-14B": 14_770_033_664,
    "Qwen/Qwen2.5-32B": 32_763_876_352,
    "meta-llama/Llama-3.2-1B": 1_235_814_400,
    "meta-llama/Llama-3.2-3B": 3_212_749_824,
    "meta-llama/Llama-3.1-8B": 8_030_261_248,
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B": 14_770_033_664,
}


@pytest.mark.parametrize(("hub_id", "count"), PUBLISHED.items())
def test_the_count_of_a_published_shape_is_the_published_count(hub_id: str, count: int) -> None:
    assert parameters(published.SHAPES[hub_id]) == count


def test_a_family_with_norms_in_its_attention_and_no_bias_is_counted_too() -> None:
    config = {  # Qwen3-0.6B
        "model_type": "qwen3",
        "hidden_size": 1024,
        "intermediate_size": 3072,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151936,
        "tie_word_embeddings": True,
        "attention_bias": False,
    }
    model = of_config(config, file="config.json")
    assert model is not None
    assert model.parameters == 596_049_920


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("Qwen/Qwen2.5-3B", 3e9),
        ("someone/My-Model-0.5B-chat", 0.5e9),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", 14e9),
        ("HuggingFaceTB/SmolLM2-360M", 360e6),
        ("meta-llama/Llama-3.2-3B-Instruct", 3e9),
    ],
)
def test_a_name_tells_the_size_and_is_named_as_the_source(name: str, count: float) -> None:
    model = of_name(name)
    assert model is not None
    assert model.parameters == pytest.approx(count)
    assert model.shape is None
    assert "the name" in model.source


def test_a_mixture_of_experts_computes_with_its_active_parameters() -> None:
    model = of_name("Qwen/Qwen3-30B-A3B")
    assert model is not None
    assert (model.parameters, model.active) == (30e9, 3e9)


@pytest.mark.parametrize("name", ["openai-community/gpt2", "mistralai/Mixtral-8x7B", "4B/model", "owner/B52"])
def test_a_name_that_tells_no_size_is_unknown(name: str) -> None:
    assert of_name(name) is None


@pytest.mark.parametrize("config", [{}, {"model_type": "mamba", "hidden_size": 8}, {"model_type": "llama"}])
def test_a_config_of_another_family_is_unknown(config: dict[str, object]) -> None:
    assert of_config(config, file="config.json") is None


sizes = st.integers(1, 64)


@given(layers=sizes, hidden=sizes, mlp=sizes, heads=sizes, kv=sizes, vocab=sizes)
def test_an_untied_head_adds_one_embedding(layers: int, hidden: int, mlp: int, heads: int, kv: int, vocab: int) -> None:
    tied = architecture.Shape(layers, hidden, mlp, heads, kv, 1, vocab, True, True, False, False, False)
    assert parameters(tied._replace(tied=False)) - parameters(tied) == vocab * hidden
