"""Products and decoding, worked out by hand."""

from __future__ import annotations

import pytest

from cotspec.passes.cost import speed
from cotspec.passes.cost.architecture import Model, Shape
from cotspec.passes.cost.devices import DEVICES, cpu
from cotspec.passes.cost.speed import Decoding
from cotspec.spec.local import Gpu

A100 = DEVICES["A100-80G"]
NAMED = Model(1e9, 1e9, None, "bf16", 0, "")
SHAPED = NAMED._replace(shape=Shape(10, 512, 2048, 512, 128, 64, 1000, True, False, False, False, False))


def test_training_a_billion_parameters_on_a_million_tokens_takes_48_seconds_of_an_a100() -> None:
    flops = 1e6 * speed.products(NAMED, length=1000, factor=speed.factor(frozen=False, checkpointing=False))
    assert flops == 6e15  # 6 · 1e9 · 1e6
    assert speed.computing(flops, A100, "bf16") == pytest.approx(48.08, abs=0.01)  # 6e15 / (0.4 · 312e12)


@pytest.mark.parametrize(
    ("frozen", "checkpointing", "factor"), [(False, False, 6), (False, True, 8), (True, False, 4), (True, True, 6)]
)
def test_checkpointing_computes_forward_twice_and_a_frozen_base_has_no_gradients_of_weights(
    frozen: bool, checkpointing: bool, factor: int
) -> None:
    assert speed.factor(frozen=frozen, checkpointing=checkpointing) == factor


def test_attention_adds_twelve_times_layers_times_width_times_length() -> None:
    # 6 · 1e9 + 12 · 10 layers · 512 · 100 tokens
    assert speed.products(SHAPED, length=100, factor=6) == 6e9 + 6_144_000


def test_four_devices_compute_in_a_quarter_of_the_time() -> None:
    assert speed.computing(1e15, A100, "bf16", share=4) == speed.computing(1e15, A100, "bf16") / 4


def test_a_cpu_computes_16_bits_no_faster_than_32() -> None:
    assert speed.computing(1e12, cpu(2), "bf16") == speed.computing(1e12, cpu(2), "fp32") == 1e12 / (0.4 * 160e9)


def test_one_sequence_waits_for_the_weights_to_be_read() -> None:
    way = Decoding(engine="vllm", batch=1, context=0, precision="bf16", weight=2.0, share=1)
    one = speed.step(NAMED, A100, way)
    assert one.seconds == pytest.approx(1.634e-3, rel=1e-3)  # 2e9 bytes / (0.6 · 2.04e12)
    assert "weights and cache" in one.text


def test_a_thousand_sequences_wait_for_products() -> None:
    way = Decoding(engine="vllm", batch=1000, context=0, precision="bf16", weight=2.0, share=1)
    one = speed.step(NAMED, A100, way)
    assert one.seconds == pytest.approx(2e12 / (0.4 * 312e12))
    assert "2·N·batch" in one.text


def test_the_cache_of_a_token_is_a_key_and_a_value_in_every_layer() -> None:
    assert speed.cache(SHAPED, "bf16") == 2 * 10 * 128 * 2


def test_transformers_moves_the_cache_three_times_and_vllm_once() -> None:
    ways = [Decoding(engine, 100, 1000, "bf16", 0.0, 1) for engine in ("transformers", "vllm")]
    slow, fast = (speed.step(SHAPED, A100._replace(half=1e30), way).seconds for way in ways)
    waiting = [speed.overhead(SHAPED, engine) for engine in ("transformers", "vllm")]
    assert slow - waiting[0] == pytest.approx(3 * (fast - waiting[1]))


def test_every_gpu_that_may_be_named_is_known() -> None:
    assert set(Gpu.__args__) == set(DEVICES)  # type: ignore[attr-defined]
