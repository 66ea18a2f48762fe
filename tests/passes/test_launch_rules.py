"""Launcher and trainer agree: hits with their words and places, and near misses that stay quiet."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import TRAIN, Change, Told, found, grpo, sft

VLLM = "`vllm` has no effect on sft, which generates nothing"
MEMORY = "`vllm_memory` has no effect where vLLM does not generate"


def resources(text: str) -> Change:
    return TRAIN, text


ON_GPU = resources("  train: {gpus: 1, vllm: true}\n")
COMMIT = "0123456789abcdef" * 2 + "01234567"
TWO_STEPS = "iterations: 2"

HITS: dict[str, tuple[list[Change], Told]] = {
    "more processes than divide the batch": (
        [resources("  train: {gpus: 3, per_device_batch: 1}\n"), grpo("global_batch: 12")],
        (
            "error",
            "batch-size",
            "train",
            "`global_batch` 32 is not a multiple of 3 processes × `per_device_batch` 1",
        ),
    ),
    "more processes on the CPU than divide the batch": (
        [resources("  train: {gpus: 0, processes: 3}\n"), grpo("global_batch: 12")],
        (
            "error",
            "batch-size",
            "train",
            "`global_batch` 32 is not a multiple of 3 processes × `per_device_batch` 1",
        ),
    ),
    "GPUs for a vLLM that is not there": (
        [resources("  train: {gpus: 1, vllm_gpus: 1}\n")],
        ("warning", "launch-effect", "vllm_gpus", "`vllm_gpus` has no effect where vLLM does not generate"),
    ),
    "a vLLM server for several machines": (
        [resources("  train: {gpus: 1, nodes: 2, vllm: true, vllm_gpus: 1}\n  slurm: {}\n"), grpo("global_batch: 16")],
        (
            "error",
            "device",
            "1",
            "stage `second` trains on 2 machines, and a vLLM server serves those of one",
        ),
    ),
    "a server for several machines that nobody here agreed to": (
        [
            resources(
                "  train: {gpus: 1, nodes: 2, vllm: true, vllm_server_base_url: 'http://Node7:8000/'}\n  slurm: {}\n"
            ),
            grpo("global_batch: 16"),
        ],
        (
            "error",
            "endpoint-consent",
            "'http://Node7:8000/'",
            "prompts and weights would go to http://node7:8000, and nobody here has agreed to that",
        ),
    ),
    "the port of a server where none generates": (
        [resources("  train: {gpus: 1, vllm: true, vllm_server_port: 8000}\n")],
        (
            "warning",
            "launch-effect",
            "vllm_server_port",
            "`vllm_server_port` has no effect where no server generates: vLLM shares the training GPUs",
        ),
    ),
    "a server in an sft stage": (
        [resources("  train: {gpus: 1}\n  stages: {first: {vllm_server_host: node7}}\n")],
        (
            "warning",
            "launch-effect",
            "vllm_server_host",
            "`vllm_server_host` has no effect where vLLM does not generate",
        ),
    ),
    "processes beside GPUs": (
        [resources("  train: {gpus: 2, processes: 4}\n")],
        (
            "warning",
            "launch-effect",
            "processes",
            "`processes: 4` has no effect with `gpus`, of which each has one process",
        ),
    ),
    "the resources of one stage": (
        [resources("  train: {gpus: 0}\n  stages: {second: {per_device_batch: 3}}\n"), grpo("global_batch: 16")],
        ("error", "batch-size", "16", "`global_batch` 16 is not a multiple of 1 process × `per_device_batch` 3"),
    ),
    "a group that tears a batch": (
        [grpo("global_batch: 18")],
        ("error", "batch-size", "18", "a `global_batch` of 18 completions does not divide into groups of 4"),
    ),
    "a strategy for one GPU": (
        [resources("  train: {gpus: 1, strategy: fsdp}\n")],
        ("warning", "launch-effect", "strategy", "`strategy: fsdp` has no effect on one GPU"),
    ),
    "a strategy for the CPU, of one stage": (
        [resources("  train: {gpus: 0}\n  stages: {second: {strategy: zero3}}\n")],
        ("warning", "launch-effect", "strategy", "`strategy: zero3` has no effect on the CPU"),
    ),
    "vLLM for an sft stage": (
        [resources("  train: {gpus: 1}\n  stages: {first: {vllm: true}}\n")],
        ("warning", "launch-effect", "vllm", VLLM),
    ),
    "memory for a vLLM that is not there": (
        [resources("  train: {gpus: 1, vllm_memory: 0.4}\n")],
        ("warning", "launch-effect", "vllm_memory", MEMORY),
    ),
    "GPUs that transformers does not use": (
        [resources("  train: {gpus: 0}\n  generate: {gpus: 4}\n")],
        ("warning", "launch-effect", "4", "the engine `transformers` uses one of 4 GPUs"),
    ),
    "GPUs that vLLM does not use": (
        [resources("  train: {gpus: 0}\n  generate: {engine: vllm, gpus: 4, tensor_parallel: 2}\n")],
        (
            "warning",
            "launch-effect",
            "4",
            "vLLM uses 2 of 4 GPUs: one copy of the model, split by `tensor_parallel`",
        ),
    ),
    "a batch for vLLM": (
        [resources("  train: {gpus: 0}\n  generate: {engine: vllm, batch: 8}\n")],
        ("warning", "launch-effect", "batch", "`batch` has no effect on vLLM, which batches by itself"),
    ),
    "fp16 on the CPU": (
        [resources("  train: {gpus: 0}\n"), sft("precision: fp16")],
        ("error", "device", "fp16", "stage `first` trains in fp16 on the CPU"),
    ),
    "vLLM on the CPU, of the stage that generates": (
        [resources("  train: {gpus: 0, vllm: true}\n")],
        ("error", "device", "true", "stage `second` generates with vLLM and has no GPU"),
    ),
    "memory for transformers": (
        [resources("  train: {gpus: 0}\n  generate: {memory: 0.5}\n")],
        ("warning", "launch-effect", "memory", "`memory` has no effect on the engine `transformers`"),
    ),
    "job files without a GPU": (
        [resources("  train: {gpus: 0}\n  generate: {gpus: 0}\n  skypilot: {accelerators: H100, setup: make}\n")],
        ("warning", "launch-effect", "skypilot", "no task uses a GPU, so there is no `sky.yaml`"),
    ),
    "vLLM that leaves little to training": (
        [resources("  train: {gpus: 1, vllm: true, vllm_memory: 0.9}\n")],
        ("warning", "vllm-memory", "0.9", "vLLM takes 90% of each GPU and leaves 10 % to training"),
    ),
    "vLLM that takes all": (
        [resources("  train: {gpus: 0}\n  generate: {engine: vllm, memory: 1.0}\n")],
        ("warning", "vllm-memory", "1.0", "vLLM takes 100% of the GPU, and CUDA itself needs some"),
    ),
    "heads that cannot be split": (
        [resources("  train: {gpus: 0}\n  generate: {engine: vllm, gpus: 3, tensor_parallel: 3}\n")],
        ("error", "tensor-parallel", "3", "the 4 attention heads of `tutor` and `base` cannot be split over 3 GPUs"),
    ),
    "a clip of a ratio that is 1": (
        [grpo("clip: 0.1")],
        ("warning", "clip-effect", "clip", "`clip` has no effect with `iterations: 1`, where the ratio is always 1"),
    ),
    "TRL's clip of a ratio that is 1": (
        [grpo("trainer: {epsilon_high: 0.28}")],
        (
            "warning",
            "clip-effect",
            "epsilon_high",
            "`epsilon_high` has no effect with `iterations: 1`, where the ratio is always 1",
        ),
    ),
    "an upper clip below the lower": (
        [grpo(f"{TWO_STEPS}, trainer: {{epsilon_high: 0.1}}")],
        ("warning", "trainer-conflict", "0.1", "`epsilon_high` 0.1 clips closer above than `clip` 0.2 does below"),
    ),
    "a bound that is never reached": (
        [grpo(f"{TWO_STEPS}, trainer: {{epsilon_high: 0.3, delta: 1.25}}")],
        ("warning", "trainer-conflict", "1.25", "`delta` 1.25 is within the clipped range, which ends at 1.3"),
    ),
    "dropout asked for and switched off": (
        [grpo("lora: {dropout: 0.1}, trainer: {disable_dropout: true}")],
        ("warning", "trainer-conflict", "true", "`disable_dropout` switches off the `dropout: 0.1` of `lora`"),
    ),
    "ratios of completions in a loss of tokens": (
        [grpo(f"{TWO_STEPS}, trainer: {{importance_sampling_level: sequence}}")],
        (
            "warning",
            "trainer-conflict",
            "sequence",
            "with the ratio of whole completions, `loss: dapo` weights each by its length",
        ),
    ),
    "an optimizer for GPUs on the CPU": (
        [sft("trainer: {optim: paged_adamw_8bit}")],
        (
            "warning",
            "trainer-conflict",
            "paged_adamw_8bit",
            "stage `first` trains on the CPU, and `paged_adamw_8bit` is for NVIDIA GPUs",
        ),
    ),
    "betas of an optimizer without": (
        [sft("trainer: {optim: adafactor, adam_beta1: 0.8}")],
        ("warning", "trainer-effect", "adam_beta1", "`adam_beta1` has no effect on `optim: adafactor`"),
    ),
    "smoothing in dft": (
        [sft("trainer: {loss_type: dft, label_smoothing_factor: 0.1}")],
        (
            "warning",
            "trainer-effect",
            "label_smoothing_factor",
            "`label_smoothing_factor` has no effect on `loss_type: dft`",
        ),
    ),
    "vLLM's correction without vLLM": (
        [grpo("trainer: {vllm_importance_sampling_mode: token_mask}")],
        (
            "warning",
            "trainer-effect",
            "vllm_importance_sampling_mode",
            "`vllm_importance_sampling_mode` has no effect where vLLM does not generate",
        ),
    ),
    "a correction of a KL term that is not there": (
        [grpo("trainer: {use_bias_correction_kl: false}")],
        (
            "warning",
            "trainer-effect",
            "use_bias_correction_kl",
            "`use_bias_correction_kl` has no effect with `beta: 0`, where there is no KL term",
        ),
    ),
    "a quantile of part of a batch": (
        [grpo("trainer: {top_entropy_quantile: 0.2}"), resources("  train: {gpus: 0, per_device_batch: 8}\n")],
        (
            "error",
            "trainer-split",
            "0.2",
            "`top_entropy_quantile` needs all 16 completions of a step at once, and the devices hold 1 × 8",
        ),
    ),
    "bounds in the wrong order": (
        [grpo("trainer: {vllm_importance_sampling_clip_min: 3}"), ON_GPU],
        (
            "error",
            "trainer-bounds",
            "3",
            "`vllm_importance_sampling_clip_min` 3 is not below `vllm_importance_sampling_clip_max` 3",
        ),
    ),
}


@pytest.mark.parametrize(("changes", "finding"), HITS.values(), ids=HITS)
def test_what_does_not_agree_is_found_at_its_place(changes: list[Change], finding: Told, tmp_path: Path) -> None:
    assert found(tmp_path, *changes) == [finding]


QUIET: dict[str, list[Change]] = {
    "bf16 on the CPU": [resources("  train: {gpus: 0}\n"), sft("precision: bf16")],
    "a strategy for two GPUs": [resources("  train: {gpus: 2, strategy: fsdp}\n")],
    "a strategy that one stage uses": [
        resources("  train: {gpus: 1, strategy: zero2}\n  stages: {second: {gpus: 4}}\n"),
    ],
    "vLLM that one stage uses": [resources("  train: {gpus: 1, vllm: true, vllm_memory: 0.5}\n")],
    "a strategy over machines of one GPU": [resources("  train: {gpus: 1, nodes: 2, strategy: fsdp}\n  slurm: {}\n")],
    "the strategy every device has": [resources("  train: {gpus: 0, strategy: ddp}\n")],
    "GPUs split over": [
        resources("  train: {gpus: 0}\n  generate: {engine: vllm, gpus: 4, tensor_parallel: 4}\n"),
    ],
    "heads only the hub knows": [
        ("tutor: {builtin: tiny-teacher}", f"tutor: {{hub: a/b, revision: {COMMIT}}}"),
        ("base: {builtin: tiny-student}", f"base: {{hub: a/c, revision: {COMMIT}}}"),
        resources("  train: {gpus: 0}\n  generate: {engine: vllm, gpus: 3, tensor_parallel: 3}\n"),
    ],
    "a checkpoint later than the run": [resources("  train: {gpus: 0, save_steps: 100000}\n")],
    "a clip of two iterations": [grpo(f"clip: 0.1, {TWO_STEPS}, trainer: {{epsilon_high: 0.28, delta: 2.0}}")],
    "a mask of what vLLM and the trainer disagree on": [grpo("trainer: {off_policy_mask_threshold: 0.5}"), ON_GPU],
    "values that are the default": [
        sft("trainer: {optim: sgd, adam_beta2: 0.999}"),
        grpo("trainer: {vllm_importance_sampling_mode: sequence_mask}"),
    ],
    "ratios of completions in their loss": [
        grpo(f"{TWO_STEPS}, loss: grpo, trainer: {{importance_sampling_level: sequence}}"),
    ],
    "a quantile of a whole batch": [
        grpo("trainer: {top_entropy_quantile: 0.2}"),
        resources("  train: {gpus: 2, per_device_batch: 8}\n"),
    ],
    "lion's betas": [sft("trainer: {optim: lion_8bit, adam_beta1: 0.8}"), resources("  train: {gpus: 1}\n")],
    "vLLM's correction with vLLM": [
        grpo("trainer: {vllm_importance_sampling_mode: token_mask, vllm_importance_sampling_clip_min: 0.5}"),
        ON_GPU,
    ],
    "a KL term to correct": [grpo("beta: 0.1, trainer: {use_bias_correction_kl: false}")],
}


@pytest.mark.parametrize("changes", QUIET.values(), ids=QUIET)
def test_what_agrees_is_left_alone(changes: list[Change], tmp_path: Path) -> None:
    assert found(tmp_path, *changes) == []


def test_what_only_some_variants_use_is_used(tmp_path: Path) -> None:
    from linting import BASE, planned

    file = tmp_path / "spec.yaml"
    spec = BASE.replace(TRAIN, "  train: {gpus: 1, strategy: fsdp}\n")
    file.write_text(f"{spec}variants: {{many: {{resources.train.gpus: 4}}}}\n", encoding="utf-8")
    assert [rule for severity, rule, _, _ in planned(file) if severity != "note"] == []
    file.write_text(f"{spec}variants: {{other: {{seed: 7}}}}\n", encoding="utf-8")
    assert [rule for _, rule, _, _ in planned(file)] == ["launch-effect"]


def test_a_setting_without_effect_can_be_allowed(tmp_path: Path) -> None:
    allow = "allow: [{rule: launch-effect, at: resources.train.strategy, reason: the same file serves two machines}]\n"
    assert found(tmp_path, (TRAIN, f"  train: {{gpus: 1, strategy: fsdp}}\n{allow}")) == []
