"""What earlier tasks left is a stranger's where a project is: a task that reads it refuses with a line, never a bug."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bodies import MODEL
from conftest import Run, Stage, write_lines

pytest.importorskip("torch", reason="an evaluation needs the `train` extra")

from generating import evaluate, gate

from cotspec.spec.payload import AtStep, ReportBody, Requirement

DEEP = "[" * 100_000
TEXTS = {
    "nothing": "",
    "no JSON": "{",
    "a list": "[]",
    "nested without end": DEEP,
    "digits without end": '{"steps": ' + "9" * 5000 + "}",
    "half a character": '{"steps": "\\ud800"}',
    "a word for a number": '{"steps": "many"}',
    "null": '{"steps": null}',
    "bytes": b"\xff\xfe",
}
TRAINED = Requirement(metric="train.reward", op=">", value=0.5)


def put(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("name", TEXTS)
def test_a_gate_refuses_metrics_that_are_none(name: str, stage: Stage, tmp_path: Path, run_here: Run) -> None:
    put(tmp_path / "made/metrics.json", TEXTS[name])
    folder = stage("gate", gate(checkpoint=AtStep(step=2), require=(TRAINED,)), {"stage": tmp_path / "made"})
    code, _, err = run_here(folder)
    assert (code, err.count("\n")) == (2, 1), err
    assert "metrics.json" in err


@pytest.mark.parametrize("name", TEXTS)
def test_a_report_refuses_metrics_of_an_evaluation_that_are_none(
    name: str, stage: Stage, tmp_path: Path, run_here: Run
) -> None:
    body = ReportBody(name="x", about="", labels=("student",))
    made = {"evaluate.student": put(tmp_path / "metrics.json", TEXTS[name])}
    code, _, err = run_here(stage("report", body, made))
    assert (code, err.count("\n")) == (2, 1), err
    assert "metrics.json" in err


@pytest.mark.parametrize("chosen", ["../../..", "/etc", "checkpoints/../../x", "", 7, None])
def test_a_checkpoint_outside_of_its_stage_is_not_loaded(
    chosen: object, stage: Stage, tmp_path: Path, run_here: Run
) -> None:
    put(tmp_path / "made/metrics.json", "{}")
    decided = put(tmp_path / "gate.json", json.dumps({"checkpoint": chosen}))
    asked = write_lines(tmp_path / "problems.jsonl", [{"id": 0, "question": "q", "answer": "1"}])
    folder = stage("eval", evaluate(model=MODEL), {"problems": asked, "model": tmp_path / "made", "gate": decided})
    code, _, err = run_here(folder)
    assert (code, "gate.json names no checkpoint" in err) == (2, True), err


def test_a_folder_that_is_no_checkpoint_is_no_candidate(stage: Stage, tmp_path: Path, run_here: Run) -> None:
    put(tmp_path / "made/metrics.json", '{"steps": 4, "train.reward": 0.9}')
    put(tmp_path / "made/checkpoints/2/metrics.json", '{"steps": 2, "train.reward": 0.8}')
    put(tmp_path / "made/checkpoints/tmp/metrics.json", "{}")
    folder = stage("gate", gate(checkpoint=AtStep(step=2), require=(TRAINED,)), {"stage": tmp_path / "made"})
    code, _, err = run_here(folder)
    assert code == 0, err
    assert json.loads((folder / "out/gate.json").read_text())["checkpoint"] == "checkpoints/2"
