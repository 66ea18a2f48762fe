"""The formulas against figures worked out elsewhere: rooflines, counted bytes, published arithmetic."""

from __future__ import annotations

import pytest

from cotspec.estimate import hardware
from cotspec.estimate.hardware import BANDWIDTH, DEVICES, GIB, UTILISATION, Way
from cotspec.estimate.model_size import Model
from cotspec.estimate.published import model

QWEN_3B, QWEN_14B = model("Qwen/Qwen2.5-3B"), model("deepseek-ai/DeepSeek-R1-Distill-Qwen-14B")


def known(found: Model | None) -> Model:
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("found", "context", "batch", "tokens_a_second"),
    [
        # Weights and cache over 4.8 TB/s, by hand: (3.09e9 − nothing) × 2 bytes, 36 layers × 2 × 256 × 2 bytes a token.
        (QWEN_3B, 400, 1, 775),
        (QWEN_3B, 400, 16, 11_970),
        (QWEN_3B, 400, 64, 43_124),
        (QWEN_14B, 800, 1, 162),
        (QWEN_14B, 800, 16, 2_396),
        (QWEN_14B, 800, 64, 7_756),
    ],
)
def test_decoding_with_vllm_reaches_the_assumed_part_of_the_bandwidth_limit(
    found: Model | None, context: int, batch: int, tokens_a_second: int
) -> None:
    shaped = known(found)
    way = Way(DEVICES["H200"], 1, "bf16", vllm=True)
    steps = 2 * context  # from an empty prompt, so the mean context is half of that
    seconds = hardware.decoding(shaped, way, batch=batch, steps=steps, prompt=0)
    assert shaped.shape is not None
    waiting = steps * shaped.shape.layers * hardware.GRAPH
    limit = batch * steps / tokens_a_second
    assert seconds - waiting == pytest.approx(limit / BANDWIDTH, rel=0.06)


def test_training_takes_six_flops_a_parameter_and_token_at_the_assumed_utilisation() -> None:
    bare = Model(1e9, 1e9, None, "bf16", 0, "")
    way = Way(DEVICES["A100-80G"], 4, "bf16", vllm=False)
    seconds = hardware.computing(bare, way, tokens=1e6, length=100, factor=6)
    assert seconds == pytest.approx(6e15 / (UTILISATION * 4 * 312e12))


def test_attention_adds_to_a_token_what_palm_counts() -> None:
    """Chowdhery et al. 2022, appendix B: 6·(N + 2·L·H·Q·T) FLOPs a token."""
    shaped = known(QWEN_3B)
    told = hardware.flops(shaped, length=1000, factor=6)
    assert told == 6 * (shaped.active + 2 * 36 * 2048 * 1000)


@pytest.mark.parametrize(
    ("strategy", "devices", "bytes_each"),
    [
        ("ddp", 1, 4 + 8 + 8),  # float32 masters, gradients and DDP's buckets, two moments
        ("fsdp", 4, (4 + 4 + 8) / 4),
        ("zero3", 4, (4 + 4 + 8) / 4),
        ("zero2", 4, 2 + (4 + 4 + 8) / 4),  # beside the spread ones a 16-bit copy of all weights
    ],
)
def test_what_training_holds_is_spread_as_the_strategy_says(strategy: str, devices: int, bytes_each: float) -> None:
    held = hardware.state(
        whole=1e9, trained=1e9, precision="bf16", strategy=strategy, devices=devices, gpu=True, moments=8  # type: ignore[arg-type]
    )  # fmt: skip
    assert sum(held.values()) == pytest.approx(bytes_each * 1e9)


def test_adapters_hold_a_frozen_base_in_sixteen_bits() -> None:
    held = hardware.state(whole=1e9, trained=1e7, precision="bf16", strategy="ddp", devices=1, gpu=False, moments=8)
    assert sum(held.values()) == pytest.approx(2e9 + (4 + 4 + 8) * 1e7)


def test_the_cache_of_a_token_is_keys_and_values_of_every_layer() -> None:
    assert hardware.cache(known(QWEN_3B), "bf16") == 36 * 2 * 256 * 2


def test_checkpointing_keeps_less_and_never_more() -> None:
    shape = known(QWEN_3B).shape
    assert shape is not None

    def kept(*, checkpointing: bool) -> float:
        return hardware.activations(shape, tokens=4096, precision="bf16", checkpointing=checkpointing)

    assert kept(checkpointing=True) < kept(checkpointing=False) / 5
    assert kept(checkpointing=False) > 4 * GIB


@pytest.mark.parametrize(("name", "size"), [("sgd", 0), ("adamw_8bit", 2), ("adamw_torch", 8), (None, 8)])
def test_an_optimizer_keeps_its_moments(name: str | None, size: int) -> None:
    assert hardware.moments(name) == size
