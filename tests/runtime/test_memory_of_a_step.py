"""The memory estimate beside what torch allocates: a step of training on the CPU, counted by torch's own profiler."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from trl.kernels import chunked_divergence, chunked_logprob
from trl.trainer import utils

from cotspec.estimate import hardware, memory
from cotspec.estimate.hardware import Way
from cotspec.estimate.model_size import Model, parameters, shape
from cotspec.estimate.work import Load, Work
from cotspec.runtime.models import make_repeatable
from cotspec.runtime.trainers import grpo_imitation
from cotspec.runtime.trainers.distill_trainer import Trainer
from tests.estimate.known import Known, parts
from tests.support import spec_data

CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "vocab_size": 33_000,  # one tile of logits and a little more
    "tie_word_embeddings": True,
}
TOKENS = (2, 48)
SHAPE = shape(CONFIG)
assert SHAPE is not None


def llama(**changed: object) -> LlamaForCausalLM:
    config = CONFIG | changed
    return LlamaForCausalLM(LlamaConfig(**{k: v for k, v in config.items() if k != "model_type"})).train()


def allocated(step: Callable[[], object], folder: Path) -> int:
    """The most bytes of tensors that were there at once and had not been before the step."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    profile.export_chrome_trace(str(folder / "trace.json"))
    now = most = 0
    for event in json.loads((folder / "trace.json").read_text(encoding="utf-8"))["traceEvents"]:
        if event["name"] == "[memory]":
            now += event["args"]["Bytes"]
            most = max(most, now)
    return most


@pytest.mark.parametrize(
    ("precision", "pieces", "checkpointing", "changed"),
    [
        ("fp32", 1, False, {}),
        ("fp32", 2, False, {}),
        ("bf16", 1, False, {}),
        ("bf16", 2, False, {"tie_word_embeddings": False}),
        ("bf16", 1, True, {}),
        ("fp32", 1, False, {"hidden_size": 512, "num_attention_heads": 16}),  # more in gradients than in activations
        ("fp32", 2, False, {"hidden_size": 512, "num_attention_heads": 16}),
    ],
)
def test_a_step_holds_what_the_estimate_says(
    precision: str, pieces: int, checkpointing: bool, changed: dict[str, object], tmp_path: Path
) -> None:
    model, size = llama(**changed), shape(CONFIG | changed)
    assert size is not None
    if checkpointing:
        model.activation_checkpointing_enable()
    utils.add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))  # as TRL's trainers do
    ids = torch.arange(TOKENS[0] * TOKENS[1]).reshape(TOKENS)

    def step() -> None:
        for _ in range(pieces):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
                out = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids, fused_lm_head=True)
            out.loss.backward()

    spec = spec_data("small")
    spec["stages"]["structure"]["train"] |= {"precision": precision, "global_batch": TOKENS[0] * pieces}
    spec["resources"]["train"] = {"per_device_batch": TOKENS[0], "gradient_checkpointing": checkpointing, "gpus": 0}
    task = parts(spec)["stage structure"]
    known = Model(parameters(size), parameters(size), size, precision, 0, "")
    load = Load(8, 0, TOKENS[1], TOKENS[1], "")
    held = memory.held(Work({}, Known()), task, known, Way(hardware.cpu(1), 1, precision, vllm=False), load)
    grows = sum(held[name] for name in ("gradients", "activations", "logits", "16-bit copies") if name in held)
    assert grows == pytest.approx(allocated(step, tmp_path), rel=0.05)


@pytest.mark.parametrize(("precision", "beta"), [("fp32", 1.0), ("fp32", 0.0), ("bf16", 1.0)])
def test_the_tiles_of_a_divergence_hold_what_the_estimate_says(precision: str, beta: float, tmp_path: Path) -> None:
    (vocabulary, width), tokens = (SHAPE.vocab, SHAPE.hidden), 64
    own, weights = (torch.randn(rows, width, requires_grad=True) for rows in (tokens, vocabulary))
    other, others = torch.randn(tokens, width), torch.randn(vocabulary, width)

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            of_both = chunked_divergence.ChunkedDivergenceFunction.apply(own, weights, None, other, others, None, beta)
        of_both[0].sum().backward()

    told = hardware.logits(SHAPE, tokens=tokens, precision=precision, head="two tiles", gpu=False)
    assert told + 4 * vocabulary * width == pytest.approx(allocated(step, tmp_path), rel=0.05)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_logits_that_a_distillation_of_the_likeliest_tokens_holds_are_all_of_both(
    precision: str, tmp_path: Path
) -> None:
    trainer: Any = Trainer.__new__(Trainer)  # only what its loss asks
    trainer._likeliest, trainer._renormalise, trainer._stored, trainer.temperature, trainer.beta = 8, True, None, 1, 1
    trainer.model_kwarg_keys, trainer.teacher_model = {"logits_to_keep"}, llama(num_hidden_layers=1)
    trainer.accelerator = SimpleNamespace(unwrap_model=lambda model: model)
    trainer._forward_redirection = lambda _, own, method, *given: method(own, *given[1:])
    trainer._logits = lambda model, *asked: Trainer._logits(trainer, model, *asked)
    ids, one = torch.arange(TOKENS[0] * TOKENS[1]).reshape(TOKENS), torch.ones(TOKENS[0], 1, dtype=torch.long)
    given = {f"{name}_{what}": one for name in ("prompt", "context") for what in ("ids", "mask")}
    given |= {"completion_ids": ids, "completion_mask": torch.ones_like(ids)}
    student = llama(num_hidden_layers=1)

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = trainer._compute_loss(student, given, None)[0]
        loss.backward()

    tokens = TOKENS[0] * (TOKENS[1] + 1)
    told = hardware.logits(SHAPE, tokens=tokens, precision=precision, head="all logits", gpu=False)
    assert told == pytest.approx(allocated(step, tmp_path), rel=0.08)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_demonstrations_that_grpo_imitates_hold_what_the_estimate_says(precision: str, tmp_path: Path) -> None:
    model = llama()
    trainer: Any = grpo_imitation.Trainer.__new__(grpo_imitation.Trainer)  # only what this part of its loss asks
    trainer.current_gradient_accumulation_steps, trainer.loss_type = 1, "grpo"
    trainer.accelerator = SimpleNamespace(
        autocast=lambda: torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16")
    )
    ids = torch.arange(TOKENS[0] * TOKENS[1]).reshape(TOKENS)

    def step() -> None:
        trainer._imitation(model, ids, ids, {"completion_ids": ids}).backward()

    spec = spec_data("small")
    spec["stages"]["compress"]["train"] |= {"precision": precision, "all_failed": "imitate", "loss": "grpo"}
    spec["stages"]["compress"]["train"] |= {"group": 2, "global_batch": 4}
    spec["stages"]["compress"]["rows"] = {"from": "teach", "target": "teach"}
    spec["resources"]["train"] = {"per_device_batch": 4, "gpus": 0}
    task = parts(spec)["stage compress"]
    known = Model(parameters(SHAPE), parameters(SHAPE), SHAPE, precision, 0, "")
    way, load = Way(hardware.cpu(1), 1, precision, vllm=False), Load(4, 0, 0, TOKENS[1], "")
    held = memory.held(Work({}, Known()), task, known, way, load)
    took = allocated(step, tmp_path)  # the gradient of the output layer, too, which the completions have as well
    assert held["demonstrations"] / 1.05 < took < (held["demonstrations"] + 4 * SHAPE.vocab * SHAPE.hidden) * 1.05


def test_the_heads_have_tiles_of_the_size_that_estimates_count_with() -> None:
    sizes = {chunked_logprob.TOKEN_CHUNK_SIZE, chunked_divergence.TOKEN_CHUNK_SIZE}
    assert sizes == {hardware.TILE_TOKENS}
    assert {utils._CHUNKED_LOGPROB_CHUNK_SIZE, chunked_divergence.VOCAB_CHUNK_SIZE} == {hardware.TILE_LOGITS}


def test_memory_that_is_not_used_yet_is_not_written() -> None:
    """Torch would fill it to be repeatable, all of a tile of logits for a vocabulary of a few hundred tokens."""
    before = torch.are_deterministic_algorithms_enabled()
    try:
        make_repeatable()
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.utils.deterministic.fill_uninitialized_memory
    finally:
        torch.use_deterministic_algorithms(before)


def kept(model: LlamaForCausalLM, *, half: bool) -> int:
    """Bytes of the tensors kept by one forward pass of the layers, weights and their 16-bit copies left out."""
    seen: dict[int, int] = {}
    held: list[torch.Tensor] = []
    ids = torch.arange(256).reshape(4, 64) % 100

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        held.append(tensor)
        if tensor.dim() != 2 or tensor.shape[0] == ids.numel():
            seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=half)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), autocast:
        model.model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.sum()
    return sum(seen.values())


@pytest.mark.parametrize(("precision", "half"), [("fp32", False), ("bf16", True)])
def test_a_layer_keeps_as_many_bytes_as_the_estimate_says(precision: str, half: bool) -> None:
    model = llama(vocab_size=100)
    deep = kept(model, half=half)
    model.model.layers = model.model.layers[:2]
    shallow = kept(model, half=half)
    assert (deep - shallow) / 4 / 256 == pytest.approx(hardware.layer(SHAPE, precision), rel=0.05)
