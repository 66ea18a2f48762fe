"""What the paper's own stages take on a GPU, a few steps of each, beside what `cotspec plan` expects.

    python -m tests.bench.gpu FOLDER                 one GPU; minutes. FOLDER is new, and holds the project afterwards
    python -m tests.bench.gpu FOLDER --cpu           the same on a model of a few million parameters: a trial of this

The student has the shapes of Qwen2.5-3B and random weights, so no hub is needed: seconds, bytes and tokens are those of
the real one, answers are noise. Stages, precisions, adapters, groups and limits of length are those of
`specs/bridge-gsm8k.yaml`; questions and traces are the builtin ones. A few rows make a few steps. DVC is not needed
either: tasks run in the order of the plan by the `launch.sh` that DVC would call. One line of JSON for each is printed
as it ends, then a table for docs/benchmarks.md; it ends with 1 when a task failed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config

from cotspec.builtin.digest import MODELS
from cotspec.estimate.hardware import DEVICES, Device

ROOT: Final = Path(__file__).parents[2]
SHAPES: Final = {
    "qwen2.5-3b": {"hidden_size": 2048, "num_hidden_layers": 36, "intermediate_size": 11008, "vocab_size": 151936}
    | {"num_attention_heads": 16, "num_key_value_heads": 2, "max_position_embeddings": 32768},
    "trial": {"hidden_size": 128, "num_hidden_layers": 4, "intermediate_size": 512, "vocab_size": 4096}
    | {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096},
}
"""Of the published config.json of Qwen/Qwen2.5-3B; and of one that a CPU trains."""
ROWS: Final = {"structure": 64, "compress": 32, "rewrite": 16}
"""Rows that each stage trains on, once: 2 steps of 32 rows; 4 and 2 times 8 prompts, each used for 4 steps."""

SHORT: Final = {"max_new_tokens": 16}
"""What a trial on the CPU writes."""


def write_model(folder: Path, shape: dict[str, int], device: str) -> None:
    """Write a model of random weights in bfloat16, with the builtin student's tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "tiny-student")
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = Qwen2Config(**shape, tie_word_embeddings=True, pad_token_id=tokenizer.pad_token_id, **ends)
    torch.manual_seed(0)
    with torch.device(device):
        AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def spec(given: argparse.Namespace) -> dict[str, Any]:
    """The paper's spec on the model and on builtin data, each stage with a few rows."""
    first, second, third = ROWS.values()
    gone = "!remove"
    stages: dict[str, Any] = {
        "structure": {"train": {"epochs": 1, "warmup_steps": 1}, "rows": {"slice": [0, first]}},
        "compress": {"train": {"epochs": 1}, "rows": {"slice": [first, first + second]}},
        "rewrite": {"train": {"epochs": 1}, "rows": {"slice": [0, third]}},
    }
    for name in ("compress", "rewrite"):
        stages[name]["train"]["stop_without_signal"] = "never"  # noise earns nothing
    train: dict[str, Any] = {}
    generate: dict[str, Any] = {"engine": "transformers", "batch": given.batch}
    if given.vllm:
        train, generate = train | {"vllm": True}, {"engine": "vllm"}
    if given.cpu:
        train, generate = train | {"gpus": 0}, generate | {"gpus": 0}
        for name, stage in stages.items():
            stage["train"] |= {"precision": "fp32"} | ({} if name == "structure" else {"sampling": SHORT})
    builtin = {"hub": gone, "config": gone, "question": gone, "answer": gone, "builtin": "chains"}
    return {
        "extends": "bridge-gsm8k.yaml",
        "name": "shapes",
        "models": {
            "student": {"hub": gone, "path": "../model"},
            "teacher": {"hub": gone, "chat": gone, "builtin": "tiny-teacher"},
        },
        "data": {"train": {**builtin, "size": 160}, "test": {**builtin, "size": given.batch}},
        "generate": {
            "teach": {"prompt": gone, "sampling": {"max_new_tokens": 180}},
            "tries": {"slice": [0, third + 8], **({"sampling": SHORT} if given.cpu else {})},
        },
        "stages": stages,
        **({"evaluate": {"sampling": SHORT}} if given.cpu else {}),
        "resources": {"train": train, "generate": generate},
    }


def build(given: argparse.Namespace, device: str) -> None:
    """Write the project and build it."""
    (given.folder / ".git").mkdir()  # where a project begins
    (given.folder / "specs").mkdir()
    shutil.copy(ROOT / "specs/bridge-gsm8k.yaml", given.folder / "specs")
    shutil.copytree(ROOT / "specs/prompts", given.folder / "specs/prompts")
    text = yaml.safe_dump(spec(given), sort_keys=False).replace("'!remove'", "!remove ")
    (given.folder / "specs/shapes.yaml").write_text(text, encoding="utf-8")
    if known := kind(device):
        (given.folder / "cotspec.local.yaml").write_text(f"device: {known.name}\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "cotspec", "build", "specs/shapes.yaml"], cwd=given.folder, check=True)


def kind(device: str) -> Device | None:
    """What estimates know of a GPU by the name that torch gives it."""
    return next((kind for name, kind in DEVICES.items() if name.partition("-")[0] in device), None)


def plan(folder: Path) -> list[dict[str, Any]]:
    """The tasks in an order in which they can run, each with its estimate."""
    command = [sys.executable, "-m", "cotspec", "plan", "specs/shapes.yaml", "--format", "json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    tasks: list[dict[str, Any]] = json.loads(done.stdout)["tasks"]
    return tasks


def run(folder: Path, task: dict[str, Any]) -> dict[str, Any]:
    """Run a task by its launch.sh, whose output goes to this one's. What it took, and what was expected."""
    there = folder / "generated" / ("reports/shapes" if task["part"] == "report" else f"stages/{task['id']}")
    started = time.monotonic()
    code = subprocess.run(["bash", "launch.sh"], cwd=there, env=os.environ, check=False).returncode
    record = {"task": task["part"], "code": code, "wall": round(time.monotonic() - started, 1)}
    for name, key in (("expected_seconds", "seconds"), ("expected_bytes", "memory_bytes")):
        record[name] = task["estimate"][key]["value"]
    if code == 0:
        record |= json.loads((there / "last-run.json").read_text(encoding="utf-8")) | written(there / "out")
    return record


def written(out: Path) -> dict[str, Any]:
    """The tokens of an evaluation, and the steps of a training."""
    metrics = out / "metrics.json"
    read = json.loads(metrics.read_text(encoding="utf-8")) if metrics.exists() else {}
    if "accuracy" in read:
        return {"tokens": round(read["n"] * read["tokens"])}
    return {"steps": read["steps"]} if "steps" in read else {}


def table(records: list[dict[str, Any]], device: str) -> str:
    """What was measured beside what was expected, in Markdown."""
    lines = [f"| {device} | s | expected | GiB | expected | tokens | steps |", "|---|---|---|---|---|---|---|"]
    for record in records:
        cells = [
            record["task"] if record["code"] == 0 else f"{record['task']}: **failed**",
            *(_number(record.get(name)) for name in ("seconds", "expected_seconds")),
            *(_number(record.get(name), 1 << 30) for name in ("memory", "expected_bytes")),
            *(_number(record.get(name)) for name in ("tokens", "steps")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(value: float | None, unit: int = 1) -> str:
    return "" if value is None else f"{value / unit:,.1f}".removesuffix(".0")


def limit(folder: Path, device: str) -> str:
    """How fast a batch can decode at most, by the bandwidth of the GPU's memory: the weights are read once a step."""
    size = sum(file.stat().st_size for file in (folder / "model").glob("*.safetensors"))
    known = kind(device)
    if known is None:
        return f"{size:,} bytes of weights; the memory bandwidth of this device is not known"
    return f"{size:,} bytes of weights: at most {known.bandwidth / size:,.0f} steps of decoding a second ({known.name})"


def main() -> int:
    """Make the model and the project, run every task, print what it took; 1 when one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpu", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cpu", action="store_true", help="a trial of this script on the CPU")
    parser.add_argument("--vllm", action="store_true", help="generate with vLLM")
    parser.add_argument("--batch", type=int, default=64, help="texts that are written at a time")
    given = parser.parse_args()
    given.folder = given.folder.resolve()
    given.folder.mkdir(parents=True)
    device = "cpu" if given.cpu else torch.cuda.get_device_name()
    write_model(given.folder / "model", SHAPES["trial" if given.cpu else "qwen2.5-3b"], "cpu" if given.cpu else "cuda")
    build(given, device)
    records = []
    for task in plan(given.folder):
        records.append(run(given.folder, task))
        print(json.dumps(records[-1]), flush=True)
        if records[-1]["code"]:
            break
    print(f"{table(records, device)}\n{limit(given.folder, device)}")
    return 1 if records[-1]["code"] else 0


if __name__ == "__main__":
    sys.exit(main())
