"""ORPO as it runs equals ORPO as its paper defines it, written again in `reference/`."""

from __future__ import annotations

from pathlib import Path

import bodies
import pytest
import small
from conftest import Run, Stage, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

import observe
from reference import orpo
from reference.compare import moved, same_steps, same_weights
from reference.policy import Policy
from transformers import AutoTokenizer

from cotspec.spec.payload import Lora, Optim

LR = 5e-3
LORA = Lora(r=3, alpha=7.0, dropout=0.0, targets=("q_proj", "down_proj"))
OPTIM = Optim(lr=LR, schedule="cosine", warmup_steps=1, warmup_ratio=0.0, weight_decay=0.3, max_grad_norm=2.0)


@pytest.mark.parametrize("lora", [bodies.ALL, LORA], ids=["all weights", "adapters"])
def test_a_run_is_the_one_computed_by_hand(
    lora: Lora, stage: Stage, tmp_path: Path, small_model: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = bodies.orpo(optim=OPTIM, global_batch=8, beta=0.6, max_length=50, lora=lora)
    rows = small.dpo_rows(40)
    files = {"rows": write_lines(tmp_path / "rows.jsonl", rows), "model": small_model}
    folder = stage("orpo", body, files, per_device_batch=2, accumulation=4)
    observed = observe.watch(monkeypatch)
    code, _, err = run_here(folder)
    assert code == 0, err
    policy = Policy(small_model, body.lora, observed.adapters or None)
    before = {name: weight.detach().clone() for name, weight in policy.weights().items()}
    steps = orpo.run(policy, AutoTokenizer.from_pretrained(small_model), rows, body)
    same_steps(small.log(folder), steps)
    same_weights(small.weights(folder), policy.weights(), lr=LR)
    assert moved(before, policy.weights()) > LR
    told = small.metrics(folder)
    assert told["rows_too_long"] > 0
    assert told["rows_used"] == 8 * len(steps)
