"""specs/bridge-gsm8k.yaml is the paper's experiment: every published number arrives in the emitted files.

The table below is written from the paper's (arXiv 2602.17686) numbers, not from the spec.
"""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from cotspec.compiler import Built, compile_specs
from cotspec.diagnostics import Sink

SPEC = "specs/bridge-gsm8k.yaml"
ROOT = Path(__file__).parents[2]
SHELLCHECK = Path(sysconfig.get_path("scripts")) / "shellcheck"

GRPO = {
    "optim.lr": 1e-5,
    "group": 2,
    "beta": 0.1,
    "clip": 0.2,
    "iterations": 4,
    "precision": "bf16",
    "sampling.temperature": 0.7,
    "sampling.top_p": 0.9,
    "lora.r": 0,
    "global_batch": 16,
    "loss": "grpo",
    "scale_rewards": "group",
    "seed": 42,
}
PAPER: dict[str, dict[str, object]] = {
    "stage structure": {
        "kind": "sft",
        "start.id": "Qwen/Qwen2.5-3B",
        "optim.lr": 5e-5,
        "optim.warmup_steps": 80,
        "optim.weight_decay": 0.01,
        "global_batch": 32,
        "max_length": 2048,
        "precision": "fp16",
        "lora.r": 16,
        "lora.alpha": 32.0,
        "lora.dropout": 0.05,
        "lora.targets": ["k_proj", "o_proj", "q_proj", "v_proj"],
        "seed": 42,
    },
    "rows of stage structure": {
        "task": "reconstruct",
        "epochs": 5,
        "slice": {"first": 0, "end": 2000},
        "shuffle": True,
        "mask.rows": 0.7,
        "mask.count": 1,
        "mask.unit": "step",
        "loss_on": ["thinking", "step", "answer"],
        "seed": 42,
    },
    "stage compress": GRPO
    | {"kind": "grpo", "optim.warmup_ratio": 0.1, "max_length": 1536, "sampling.max_new_tokens": 256},
    "rows of stage compress": {
        "task": "complete",
        "epochs": 3,
        "slice": {"first": 2000, "end": 4000},
        "shuffle": False,
        "mask.rows": 1.0,
        "mask.select": "scattered",
        "mask.share": {"first": 0.5, "last": 0.5},
        "mask.at_least": 3,
        "mask.leave": 1,
    },
    "stage rewrite": GRPO | {"kind": "grpo", "max_length": 2048, "sampling.max_new_tokens": 512},
    "rows of stage rewrite": {"task": "rewrite", "epochs": 5, "mask.rows": 0.0},
    "generation teach": {"model.id": "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B"},
    "evaluation of rewrite": {
        "sampling.temperature": 0.0,
        "sampling.max_new_tokens": 512,
        "sampling.n": 1,
        "sampling.stop.texts": ["\nProblem:", "Question:"],
        "sampling.stop.after": "answer",
    },
}
ACCUMULATION = {"stage structure": (2, 16), "stage compress": (2, 8), "stage rewrite": (4, 4)}
"""Rows or completions a device holds at once, and accumulation: 2 × 16, 1 × 8 prompts and 2 × 4 prompts of group 2."""


@pytest.fixture(scope="module")
def built() -> Built:
    sink = Sink()
    result = compile_specs({SPEC: ROOT / SPEC}, sink)
    assert [f.message for f in sink.findings if f.severity == "error"] == []
    return result


def payload(built: Built, label: str, name: str = "payload.json") -> dict[str, Any]:
    assert built.plan is not None
    (task,) = [task for task in built.plan.tasks if any(str(each).startswith(label) for each in task.labels)]
    (text,) = [text for path, text in built.files.items() if path.endswith(f"{task.id}/{name}")]
    return dict(json.loads(text))


def at(body: Any, path: str) -> Any:
    for part in path.split("."):
        body = body[part]
    return body


@pytest.mark.parametrize(
    ("label", "path", "value"), [(label, path, value) for label, row in PAPER.items() for path, value in row.items()]
)
def test_payload_holds_the_papers_value(built: Built, label: str, path: str, value: object) -> None:
    assert at(payload(built, label)["task"], path) == value


@pytest.mark.parametrize("label", ACCUMULATION)
def test_launch_settings_multiply_to_the_papers_batch(built: Built, label: str) -> None:
    run = payload(built, label, "run.json")
    assert (run["per_device_batch"], run["accumulation"]) == ACCUMULATION[label]
    assert run["processes"] == 1


def test_rewards_are_gated_as_published(built: Built) -> None:
    for label in ("stage compress", "stage rewrite"):
        gates = payload(built, label)["task"]["reward"]["gates"]
        assert [(gate["unless"], gate["reward"]) for gate in gates] == [("correct", -2.0), ("formatted", -1.0)]


def test_stage_three_is_trained_on_what_stage_two_gets_wrong(built: Built) -> None:
    assert built.plan is not None
    tasks = {task.id: task for task in built.plan.tasks}
    (rows,) = [task for task in tasks.values() if any(label.part == "rows of stage rewrite" for label in task.labels)]
    (mine,) = [tasks[read.task] for read in rows.reads.values()]
    assert mine.body.kind == "mine"  # type: ignore[attr-defined]
    producers = {str(tasks[read.task].labels[0]) for read in mine.reads.values()}
    assert any(label.startswith("stage compress") for label in producers)


def test_launch_scripts_pass_bash_and_shellcheck(built: Built, tmp_path: Path) -> None:
    scripts = []
    for path, text in built.files.items():
        if path.endswith((".sh", ".sbatch")):
            script = tmp_path / path.replace("/", "_")
            script.write_text(text, encoding="utf-8")
            scripts.append(script)
    assert len(scripts) > 20
    for script in scripts:
        subprocess.run(["bash", "-n", script], check=True)
    checked = subprocess.run([SHELLCHECK, *scripts], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_accelerate_loads_its_files(built: Built, tmp_path: Path) -> None:
    config_args = pytest.importorskip(
        "accelerate.commands.config.config_args", reason="accelerate (cotspec[train]) is not installed"
    )
    texts = {path: text for path, text in built.files.items() if path.endswith("accelerate.yaml")}
    assert len(texts) == 3
    for path, text in texts.items():
        file = tmp_path / path.replace("/", "_")
        file.write_text(text, encoding="utf-8")
        config = config_args.load_config_from_file(str(file))
        assert config.num_processes == 1
        assert config.use_cpu is False
