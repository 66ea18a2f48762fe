"""The memory estimate counts the tensors that torch keeps for the backward pass."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from cotspec.estimate import hardware
from cotspec.estimate.model_size import shape

CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "vocab_size": 100,
    "tie_word_embeddings": True,
}
TOKENS = (4, 64)


def kept(model: LlamaForCausalLM, *, half: bool) -> int:
    """Bytes of the tensors kept by one forward pass of the layers, weights and their 16-bit copies left out."""
    seen: dict[int, int] = {}
    held: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        held.append(tensor)
        if tensor.dim() != 2 or tensor.shape[0] == TOKENS[0] * TOKENS[1]:
            seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    ids = torch.arange(TOKENS[0] * TOKENS[1]).reshape(TOKENS) % 100
    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=half)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), autocast:
        model.model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.sum()
    return sum(seen.values())


@pytest.mark.parametrize(("precision", "half"), [("fp32", False), ("bf16", True)])
def test_a_layer_keeps_as_many_bytes_as_the_estimate_says(precision: str, half: bool) -> None:
    counted = shape(CONFIG)
    assert counted is not None
    model = LlamaForCausalLM(LlamaConfig(**{k: v for k, v in CONFIG.items() if k != "model_type"})).train()
    deep = kept(model, half=half)
    model.model.layers = model.model.layers[:2]
    shallow = kept(model, half=half)
    a_layer = (deep - shallow) / 4 / (TOKENS[0] * TOKENS[1])
    assert a_layer == pytest.approx(hardware.layer(counted, precision), rel=0.05)
