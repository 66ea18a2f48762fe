"""Training for real on a tiny random model: it learns, it resumes to the same bytes, it refuses and counts."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import bodies
import pytest
from conftest import Run, Stage, contents, start, write_lines

from cotspec.spec.payload import AtStep, Best, Lora

torch = pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")


def sft_stage(stage: Stage, tmp_path: Path, model: Path, name: str = "sft-1", count: int = 32, **changes: Any) -> Path:
    rows = write_lines(tmp_path / f"rows-{name}.jsonl", bodies.sft_rows(count))
    return stage(name, bodies.sft(**changes), {"rows": rows, "model": model})


def grpo_stage(stage: Stage, tmp_path: Path, model: Path, name: str = "grpo-1", count: int = 9, **changes: Any) -> Path:
    rows = write_lines(tmp_path / f"rows-{name}.jsonl", bodies.grpo_rows(count))
    return stage(name, bodies.grpo(**changes), {"rows": rows, "model": model}, per_device_batch=8)


def kill_after_checkpoint(folder: Path, scratch: Path) -> None:
    """Start the task and SIGKILL it once a whole checkpoint is there."""
    process = start(folder)
    until = time.monotonic() + 200
    while not list(scratch.glob("*/trainer/checkpoint-*/complete")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_sft_lowers_the_loss_and_leaves_a_model_that_loads(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    folder = sft_stage(stage, tmp_path, tiny_model)
    code, out, err = run_here(folder)
    assert code == 0, err
    log = [json.loads(line) for line in (folder / "out/log.jsonl").read_text().splitlines()]
    assert len(log) == 8
    assert log[-1]["loss"] < log[0]["loss"]
    metrics = json.loads((folder / "out/metrics.json").read_text())
    assert metrics["steps"] == 8
    assert metrics["train.loss"] == log[-1]["loss"]
    from transformers import AutoModelForCausalLM, AutoTokenizer

    AutoModelForCausalLM.from_pretrained(folder / "out/model")
    AutoTokenizer.from_pretrained(folder / "out/model")
    assert (folder / "out/model/sample_encoding.json").exists()
    assert "{'loss'" not in out
    assert str(tmp_path) not in "".join(p.read_text(errors="ignore") for p in (folder / "out").rglob("*.json"))


def test_a_killed_sft_run_resumes_to_the_same_bytes(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    whole = sft_stage(stage, tmp_path, tiny_model, "sft-a", keep=Best(metric="train.loss", every=3))
    assert run_here(whole)[0] == 0
    killed = sft_stage(stage, tmp_path, tiny_model, "sft-b", keep=Best(metric="train.loss", every=3))
    kill_after_checkpoint(killed, tmp_path / ".cotspec/scratch")
    assert not (killed / "out").exists()
    code, out, err = run_here(killed)
    assert code == 0, err
    assert "resuming after step" in out
    assert contents(killed / "out") == contents(whole / "out")
    assert {p.name for p in (whole / "out/checkpoints").iterdir()} == {"3", "6"}
    (work,) = (tmp_path / ".cotspec/scratch").iterdir()
    assert {path.name for path in work.iterdir()} == {"kept", "kept.json", "lock"}


def test_a_killed_grpo_run_resumes_to_the_same_bytes(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    whole = grpo_stage(stage, tmp_path, tiny_model, "grpo-a")
    code, out, err = run_here(whole)
    assert code == 0, err
    assert "the last 1 of 9 rows do not fill a batch" in out
    metrics = json.loads((whole / "out/metrics.json").read_text())
    assert metrics["rows_beyond_last_batch"] == 1
    assert metrics["steps"] == 8  # 4 batches of 2 prompts, each used twice
    assert metrics["unscorable"] == 0
    log = [json.loads(line) for line in (whole / "out/log.jsonl").read_text().splitlines()]
    generated = [entry for entry in log if "reward" in entry]
    assert [entry["step"] for entry in generated] == [1, 3, 5, 7]
    assert generated[0]["term/late"] == 0.0
    assert generated[-1]["term/late"] == pytest.approx(0.01 * generated[-1]["tokens"], rel=1e-4)
    assert metrics["train.accuracy"] == generated[-1]["accuracy"]
    killed = grpo_stage(stage, tmp_path, tiny_model, "grpo-b")
    kill_after_checkpoint(killed, tmp_path / ".cotspec/scratch")
    code, out, err = run_here(killed)
    assert code == 0, err
    assert "resuming after step" in out
    assert contents(killed / "out") == contents(whole / "out")


def test_lora_is_merged_and_changes_only_the_adapted_layers(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    lora = Lora(r=4, alpha=8.0, dropout=0.1, targets=("q_proj", "v_proj"))
    folder = sft_stage(stage, tmp_path, tiny_model, count=8, lora=lora, keep=AtStep(step=1))
    code, _, err = run_here(folder)
    assert code == 0, err
    from safetensors.torch import load_file

    before, after = (load_file(d / "model.safetensors") for d in (tiny_model, folder / "out/model"))
    assert before.keys() == after.keys()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed
    assert all("q_proj" in key or "v_proj" in key for key in changed)
    early = load_file(folder / "out/checkpoints/1/model.safetensors")
    assert any(not torch.equal(early[key], after[key]) for key in changed)


@pytest.mark.parametrize(
    ("steps", "ratio", "wanted"), [(0, 0.0, 0), (3, 0.0, 3), (0, 0.1, 1), (0, 0.5, 4), (0, 1.0, 8)]
)
def test_warm_up_is_a_number_of_steps_or_a_share_of_all(
    stage: Stage, tmp_path: Path, tiny_model: Path, steps: int, ratio: float, wanted: int
) -> None:
    from transformers import TrainingArguments

    from cotspec.runtime import models
    from cotspec.runtime.task import load
    from cotspec.runtime.train import trl_bridge

    optim = bodies.OPTIM.model_copy(update={"warmup_steps": steps, "warmup_ratio": ratio})
    folder = sft_stage(stage, tmp_path, tiny_model, optim=optim)
    task = load(folder / "payload.json", folder / "run.json")
    body = bodies.sft(optim=optim)
    training = trl_bridge.Training(
        task=task, body=body, origin=models.source(task, body.start), work=tmp_path, scored=()
    )
    assert TrainingArguments(**trl_bridge.arguments(training)).get_warmup_steps(8) == wanted


def test_weights_that_are_not_finite_are_refused_and_never_passed_on(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    wild = bodies.OPTIM.model_copy(update={"lr": 1e39, "warmup_steps": 0, "schedule": "constant"})
    folder = sft_stage(stage, tmp_path, tiny_model, count=4, optim=wild)
    code, _, err = run_here(folder)
    assert code == 2
    assert "not finite in fp32" in err
    assert not (folder / "out").exists()


def test_a_run_stops_at_the_first_loss_that_is_no_number_and_is_never_resumed_after_it(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    """The first step makes weights of infinity, the second a loss of nothing."""
    wild = bodies.OPTIM.model_copy(update={"lr": 1e39, "warmup_steps": 0, "schedule": "constant"})
    rows = write_lines(tmp_path / "rows.jsonl", bodies.sft_rows(12))
    folder = stage("wild", bodies.sft(optim=wild), {"rows": rows, "model": tiny_model}, save_steps=1)
    for _ in range(2):  # the rerun, too
        code, _, err = run_here(folder)
        assert code == 2
        assert "training stopped at step 2 of 3: loss is nan" in err
        assert "lower `lr`" in err
        assert not (folder / "out").exists()
        left = {path.name for path in tmp_path.glob(".cotspec/scratch/*/trainer/checkpoint-*")}
        assert left == {"checkpoint-1"}


@pytest.mark.parametrize("make", [sft_stage, grpo_stage])
def test_adapted_layers_the_model_does_not_have_are_a_clear_message(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run, make: Any
) -> None:
    lora = Lora(r=4, alpha=8.0, dropout=0.0, targets=("nope",))
    code, _, err = run_here(make(stage, tmp_path, tiny_model, lora=lora))
    assert code == 2
    assert err.startswith("cotspec: `lora.targets` does not fit the model: no layer of the model is `nope`, ")
    assert err.count("\n") == 1


def test_a_batch_none_of_which_can_be_scored_stops_the_run(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    folder = grpo_stage(stage, tmp_path, tiny_model, reward=bodies.reward("log(0 * words)"))
    code, _, err = run_here(folder)
    assert code == 2
    assert "none of 8 completions can be scored" in err
    assert "Traceback" not in err
    assert not (folder / "out").exists()


def test_batch_settings_that_do_not_multiply_to_the_global_batch_are_refused(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    folder = sft_stage(stage, tmp_path, tiny_model, global_batch=6)
    code, _, err = run_here(folder)
    assert code == 2
    assert "batches of 4" in err


def test_rows_that_are_all_too_long_are_an_error_not_a_cut(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    code, _, err = run_here(sft_stage(stage, tmp_path, tiny_model, max_length=10))
    assert code == 2
    assert "32 longer than max_length 10" in err


def test_a_tokenizer_that_encodes_otherwise_than_the_model_was_trained_with_is_refused(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(tiny_model, broken)
    (broken / "sample_encoding.json").write_text(json.dumps({"text": "Ann has 5", "ids": [1, 2, 3]}))
    code, _, err = run_here(sft_stage(stage, tmp_path, broken))
    assert code == 2
    assert "instead of [1, 2, 3]" in err


def test_a_checkpoint_the_run_does_not_reach_is_refused_before_training(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    code, out, err = run_here(sft_stage(stage, tmp_path, tiny_model, keep=AtStep(step=9)))
    assert code == 2
    assert "`step: 9` was asked for and training has 8 steps" in err
    assert "loss" not in out
