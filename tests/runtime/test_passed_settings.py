"""Settings of TRL's trainers that a spec passes on: they reach the trainer, change the run, and fail in clear words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bodies
import pytest
from conftest import Run, Stage, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")


def trained(run: Run, folder: Path) -> list[dict[str, float]]:
    """The log of a run that ended well."""
    code, _, err = run(folder)
    assert code == 0, err
    return [json.loads(line) for line in (folder / "out/log.jsonl").read_text().splitlines()]


def sft(stage: Stage, tmp_path: Path, model: Path, name: str, **trainer: Any) -> Path:
    rows = write_lines(tmp_path / f"rows-{name}.jsonl", bodies.sft_rows(4))
    at_once = bodies.OPTIM.model_copy(update={"warmup_steps": 0})  # the first step already moves the weights
    return stage(name, bodies.sft(trainer=trainer, optim=at_once), {"rows": rows, "model": model})


def grpo(stage: Stage, tmp_path: Path, model: Path, name: str, **trainer: Any) -> Path:
    rows = write_lines(tmp_path / f"rows-{name}.jsonl", bodies.grpo_rows(2))
    body = bodies.grpo(trainer=trainer, iterations=1)
    return stage(name, body, {"rows": rows, "model": model}, per_device_batch=8)


def test_another_loss_of_sft_is_the_one_that_is_logged(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    # A random model gives a token about 1 in 61: weighted with that, the loss is a small part of the likelihood's.
    plain = trained(run_here, sft(stage, tmp_path, tiny_model, "nll"))
    weighted = trained(run_here, sft(stage, tmp_path, tiny_model, "dft", loss_type="dft"))
    assert weighted[0]["loss"] < plain[0]["loss"] / 10


def test_another_optimizer_moves_the_weights_otherwise(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    from safetensors.torch import load_file

    moved = {}
    before = load_file(tiny_model / "model.safetensors")
    for name in ("adamw_torch", "sgd"):
        folder = sft(stage, tmp_path, tiny_model, name, optim=name)
        trained(run_here, folder)
        after = load_file(folder / "out/model/model.safetensors")
        moved[name] = max((after[key] - before[key]).abs().max().item() for key in before)
    # Adam's first step is the learning rate in every weight; that of gradient descent is the gradient times it.
    assert moved["adamw_torch"] == pytest.approx(bodies.OPTIM.lr, rel=0.05)
    assert 0 < moved["sgd"] < moved["adamw_torch"] / 2


def test_settings_of_sampling_reach_the_completions_of_grpo(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    (drawn,) = trained(run_here, grpo(stage, tmp_path, tiny_model, "drawn"))
    (likeliest,) = trained(run_here, grpo(stage, tmp_path, tiny_model, "likeliest", min_p=1.0))
    assert drawn["groups_without_signal"] < 1.0
    assert likeliest["groups_without_signal"] == 1.0  # only the likeliest token is left: all of a group are the same


def test_all_other_settings_of_grpo_are_taken_at_once(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    passed = {
        "adam_beta1": 0.8,
        "adam_beta2": 0.95,
        "adam_epsilon": 1e-6,
        "epsilon_high": 0.28,
        "delta": 1.5,
        "importance_sampling_level": "sequence",
        "off_policy_mask_threshold": 0.5,
        "top_entropy_quantile": 0.2,
        "use_bias_correction_kl": False,
        "repetition_penalty": 1.2,
        "disable_dropout": True,
        "cast_lm_head_to_fp32": True,
    }
    assert len(trained(run_here, grpo(stage, tmp_path, tiny_model, "all", **passed))) == 1


@pytest.mark.parametrize(
    ("make", "trainer", "said"),
    [
        (
            sft,
            {"router_aux_loss_coef": 0.1},
            "TRL refuses `router_aux_loss_coef`, which the spec passes on in `trainer`",
        ),
        (grpo, {"router_aux_loss_coef": 0.1}, "TRL refuses `router_aux_loss_coef`, which the spec passes on"),
        (sft, {"adam_beta3": 0.9}, "TRL refuses `adam_beta3`, which the spec passes on in `trainer`"),
        (sft, {"optim": "paged_adamw_8bit"}, "`optim: paged_adamw_8bit` needs bitsandbytes, which is not installed"),
    ],
)
def test_what_trl_does_not_take_is_one_line(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run, make: Any, trainer: dict[str, Any], said: str
) -> None:
    if trainer.get("optim"):
        absent_module("bitsandbytes")
    code, _, err = run_here(make(stage, tmp_path, tiny_model, "refused", **trainer))
    assert code == 2
    assert err.startswith(f"cotspec: {said}")
    assert err.count("\n") == 1


def absent_module(name: str) -> None:
    import importlib.util

    if importlib.util.find_spec(name) is not None:
        pytest.skip(f"{name} is installed here")
