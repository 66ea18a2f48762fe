"""Training that teaches nothing stops and says why, resumed or not; what it is like is in its log and metrics."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import bodies
import pytest
from conftest import Run, Stage, write_lines

from cotspec.builtin.problems import generate
from cotspec.cot.prompting import default_prompt, render
from cotspec.spec.payload import BuiltinModel, Ramp, Reward, RewardGate, RewardTerm

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

from cotspec.builtin.digest import manifest

STUDENT = BuiltinModel(name="tiny-student", digest=manifest()["tiny-student"], chat=False)
CONSTANT = Ramp(first=1.0, last=1.0)
BRIDGE = Reward(
    gates=(RewardGate(unless="correct", reward=-1.0), RewardGate(unless="formatted", reward=-1.0)),
    let=(),
    terms=(RewardTerm(name="solved", value="1", weight=CONSTANT),),
)
BLIND = Reward(gates=(), let=(), terms=(RewardTerm(name="same", value="1", weight=CONSTANT),))


def chains(tmp_path: Path, count: int) -> Path:
    problems = generate(split="train", size=count, seed=0, steps=(2, 4))
    rows = bodies.grpo_rows(count)
    for row, problem in zip(rows, problems, strict=True):
        row |= {
            "prompt": render(default_prompt("solve"), question=problem.question, trace=""),
            "answer": problem.answer,
            "teacher_tokens": len(problem.trace.split()),
        }
    return write_lines(tmp_path / "chains.jsonl", rows)


def simple(tmp_path: Path, count: int) -> Path:
    return write_lines(tmp_path / f"rows-{count}.jsonl", bodies.grpo_rows(count))


def metrics_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "out/metrics.json").read_text())


def log_of(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "out/log.jsonl").read_text().splitlines()]


def test_completions_cut_before_every_answer_stop_the_run_and_name_the_setting(
    stage: Stage, tmp_path: Path, run_here: Run
) -> None:
    short = bodies.SAMPLED.model_copy(update={"max_new_tokens": 24})
    body = bodies.grpo(start=STUDENT, sampling=short, reward=BRIDGE, iterations=1, beta=0.0, max_length=256)
    folder = stage("cut", body, {"rows": chains(tmp_path, 24)}, per_device_batch=8, stop_without_signal=3)
    code, _, err = run_here(folder)
    assert code == 2
    assert err.startswith("cotspec: training stopped at step 3 of 12: no step so far had a learning signal: ")
    assert "100 % of the groups taught nothing and 100 % of the completions were cut" in err
    assert "most completions end at `max_new_tokens` 24, before their answer: raise it" in err
    assert "`stop_without_signal` 3" in err
    assert err.count("\n") == 1
    assert not (folder / "out").exists()


def test_a_kl_term_is_no_signal_and_a_generation_used_twice_counts_twice(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    inputs = {"rows": simple(tmp_path, 8), "model": tiny_model}
    body = bodies.grpo(reward=BLIND, beta=0.5, group=4)
    code, _, err = run_here(stage("kl", body, inputs, per_device_batch=4, accumulation=2, stop_without_signal=4))
    assert code == 2
    assert "stopped at step 4 of 8: no step so far had a learning signal" in err


def test_a_run_shorter_than_the_limit_stops_at_its_end_when_no_step_had_a_signal(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    inputs = {"rows": simple(tmp_path, 4), "model": tiny_model}
    body = bodies.grpo(reward=BLIND, iterations=1)
    code, _, err = run_here(stage("short", body, inputs, per_device_batch=8, stop_without_signal=50))
    assert code == 2
    assert "stopped at step 2 of 2: no step so far had a learning signal" in err
    assert "`stop_without_signal: never` would keep" in err
    assert "raised" not in err


def test_a_stopped_run_stops_again_at_the_same_step_and_goes_on_when_it_is_allowed(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    inputs = {"rows": simple(tmp_path, 10), "model": tiny_model}
    body = bodies.grpo(reward=BLIND, iterations=1)
    folder = stage("again", body, inputs, per_device_batch=8, save_steps=2, stop_without_signal=3)
    first, second = run_here(folder), run_here(folder)
    assert first[0] == second[0] == 2
    assert first[2] == second[2]
    assert "resuming after step 2" in second[1]
    settings = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**settings, "stop_without_signal": 0}))
    code, out, err = run_here(folder)
    assert code == 0, err
    assert "resuming after step 2" in out
    assert "no signal in 100 % of the groups" in out
    found = metrics_of(folder)
    assert found["steps_without_signal"] == found["steps"] == 5
    assert found["groups_without_signal"] == found["train.groups_without_signal"] == 1.0


def test_where_all_fail_the_demonstrations_teach_and_one_that_is_too_long_is_counted(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    """With rewards that are all equal, which alone would stop the run."""
    rows = bodies.grpo_rows(5)
    rows[1]["demonstration"] = "Ann has 3 apples. " * 50
    inputs = {"rows": write_lines(tmp_path / "rows.jsonl", rows), "model": tiny_model}
    body = bodies.grpo(reward=BLIND, beta=0.0, iterations=1, all_failed="imitate")
    folder = stage("imitate", body, inputs, per_device_batch=8)
    code, out, err = run_here(folder)
    assert code == 0, err
    assert "1 of 5 rows are not trained on: prompt and demonstration are longer than max_length 128" in out
    wanted = {"rows": 5, "rows_used": 4, "rows_too_long": 1, "demonstrations_too_long": 1, "prompts_imitated": 4}
    found = metrics_of(folder)
    assert found.items() >= wanted.items()
    assert (found["groups_without_signal"], found["steps_without_signal"]) == (0.0, 0)
    bare = bodies.grpo_rows(4)
    bare[2]["demonstration"] = ""
    inputs["rows"] = write_lines(tmp_path / "bare.jsonl", bare)
    code, _, err = run_here(stage("bare", body, inputs, per_device_batch=8))
    assert code == 2
    assert "row 2 has nothing to imitate" in err


def test_log_and_metrics_say_how_many_groups_taught_and_how_many_completions_were_cut(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    inputs = {"rows": simple(tmp_path, 8), "model": tiny_model}
    body = bodies.grpo(iterations=1, scale_rewards="batch")
    folder = stage("fine", body, inputs, per_device_batch=8, stop_without_signal=2)
    code, out, err = run_here(folder)
    assert code == 0, err
    log, found = log_of(folder), metrics_of(folder)
    assert all(0.0 <= entry["groups_without_signal"] < 1.0 and 0.0 < entry["truncated"] <= 1.0 for entry in log)
    assert found["truncated"] == pytest.approx(sum(entry["truncated"] for entry in log) / len(log))
    assert found["groups_without_signal"] == 0.0
    assert found["steps_without_signal"] == 0
    assert "no signal in 0 % of the groups" in out


def test_what_is_left_out_of_the_loss_teaches_nothing_though_rewards_differ(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    inputs = {"rows": simple(tmp_path, 4), "model": tiny_model}
    short = bodies.SAMPLED.model_copy(update={"max_new_tokens": 2})
    body = bodies.grpo(mask_truncated=True, sampling=short, iterations=1, beta=0.0)
    code, _, err = run_here(stage("masked", body, inputs, per_device_batch=8, stop_without_signal=1))
    assert code == 2
    assert "and `mask_truncated` leaves them out of the loss: raise it" in err


def test_sft_whose_loss_is_nothing_stops(stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run) -> None:
    from safetensors.torch import load_file, save_file

    sure = tmp_path / "sure"  # every logit is 0 whatever it reads, and no weight can change that
    shutil.copytree(tiny_model, sure)
    weights = load_file(sure / "model.safetensors")
    weights["model.norm.weight"] = weights["model.norm.weight"] * 0.0
    weights["model.embed_tokens.weight"] = weights["model.embed_tokens.weight"] * 0.0
    save_file(weights, sure / "model.safetensors", metadata={"format": "pt"})
    rows = write_lines(tmp_path / "rows.jsonl", bodies.sft_rows(16))
    folder = stage("sft", bodies.sft(), {"rows": rows, "model": sure}, stop_without_signal=2)
    code, _, err = run_here(folder)
    assert code == 2
    assert "stopped at step 2 of 4: no step so far had a learning signal: the gradient was exactly 0" in err
