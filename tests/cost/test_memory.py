"""Bytes on a device: worked out by hand, and what must hold for every model and way of sharing."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.passes.cost import memory
from cotspec.passes.cost.architecture import Model, Shape, parameters
from cotspec.spec.resources import Strategy
from cotspec.spec.trainer import Optimizer

PRECISIONS = st.sampled_from(["fp32", "bf16", "fp16"])
shapes = st.builds(
    Shape,
    layers=st.integers(1, 100),
    hidden=st.integers(64, 8192),
    mlp=st.integers(64, 30000),
    query=st.integers(64, 8192),
    kv=st.integers(64, 8192),
    head=st.integers(32, 128),
    vocab=st.integers(100, 200_000),
    tied=st.booleans(),
    qkv_bias=st.booleans(),
    out_bias=st.booleans(),
    mlp_bias=st.booleans(),
    qk_norm=st.booleans(),
)


def on(strategy: Strategy, devices: int, precision: str = "fp32", *, whole: float = 1e9, trained: float = 1e9) -> float:
    spread = memory.shares(strategy, devices, gpu=True, precision=precision)
    return memory.state(whole=whole, trained=trained, precision=precision, shares=spread).total


def test_adamw_in_float32_holds_sixteen_bytes_a_parameter_on_the_cpu() -> None:
    spread = memory.shares("ddp", 1, gpu=False, precision="fp32")
    held = memory.state(whole=1e9, trained=1e9, precision="fp32", shares=spread)
    assert (held.weights, held.gradients, held.optimizer) == (4e9, 4e9, 8e9)


def test_every_optimizer_that_a_spec_may_name_has_its_moments_and_adamw_is_the_default() -> None:
    assert set(memory.MOMENTS) == set(get_args(Optimizer))
    assert (memory.moments({}), memory.moments({"optim": "adamw_8bit"})) == (8, 2)


def test_ddp_keeps_its_buckets_beside_the_gradients() -> None:
    assert on("ddp", 1) == on("ddp", 8) == 20e9


def test_fsdp_and_zero3_spread_everything() -> None:
    assert on("fsdp", 4) == on("zero3", 4) == 16e9 / 4


def test_zero2_spreads_all_but_the_weights() -> None:
    assert on("zero2", 4) == 4e9 + 12e9 / 4
    # 16 bits: a half copy of the weights on each device, float32 weights and moments and gradients spread
    assert on("zero2", 4, "bf16") == 2e9 + (4e9 + 8e9 + 4e9) / 4


def test_a_frozen_base_is_held_in_the_precision_of_training_and_has_no_gradients() -> None:
    assert on("ddp", 1, "bf16", trained=1e6) == 2e9 + (4 + 8 + 8) * 1e6


@given(st.sampled_from(get_args(Strategy)), PRECISIONS, st.integers(1, 63))
def test_one_more_device_never_takes_more_memory_on_each(strategy: Strategy, precision: str, devices: int) -> None:
    assert on(strategy, devices + 1, precision) <= on(strategy, devices, precision)


@given(shapes, PRECISIONS, st.integers(1, 63))
def test_one_more_device_of_fsdp_never_takes_more_memory_with_its_gathered_layers(
    shape: Shape, precision: str, devices: int
) -> None:
    count = parameters(shape)
    model = Model(count, count - (0 if shape.tied else shape.vocab * shape.hidden), shape, precision, 0, "")

    def held(number: int) -> float:
        spread = memory.shares("fsdp", number, gpu=True, precision=precision)
        state = memory.state(whole=count, trained=count, precision=precision, shares=spread)
        return state.total + memory.casts(model, trained=count, precision=precision, spread=spread.weights)

    assert held(devices + 1) <= held(devices)


def kept(shape: Shape, tokens: float, precision: str, *, checkpointing: bool = False) -> float:
    return memory.activations(shape, tokens=tokens, precision=precision, checkpointing=checkpointing)


@given(shapes, st.integers(1, 100_000), PRECISIONS)
def test_checkpointing_never_keeps_more(shape: Shape, tokens: int, precision: str) -> None:
    assert kept(shape, tokens, precision, checkpointing=True) <= kept(shape, tokens, precision)


@given(shapes, st.integers(1, 100_000), PRECISIONS, st.booleans())
def test_more_tokens_and_more_layers_never_keep_less(
    shape: Shape, tokens: int, precision: str, checkpointing: bool
) -> None:
    now = kept(shape, tokens, precision, checkpointing=checkpointing)
    assert now <= kept(shape, tokens + 1, precision, checkpointing=checkpointing)
    deeper = shape._replace(layers=shape.layers + 1)
    assert now <= kept(deeper, tokens, precision, checkpointing=checkpointing)


def test_sixteen_bits_keep_less_than_thirty_two() -> None:
    shape = Shape(28, 1536, 8960, 1536, 256, 128, 151936, True, True, False, False, False)
    assert kept(shape, 4096, "bf16") < kept(shape, 4096, "fp32")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_checkpointing_a_deep_model_keeps_one_float32_row_a_layer(precision: str) -> None:
    shape = Shape(32, 4096, 14336, 4096, 1024, 128, 4096, True, False, False, False, False)
    tile = 3 * 4 * 1000 * 4096
    one = memory.layer(shape, precision)
    assert kept(shape, 1000, precision, checkpointing=True) == 1000 * (32 * 4 * 4096 + one) + tile
