"""Several answers to a question, drawn by a builtin model: avg@n and pass@k are of its own predictions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import FORMAT, Run, Stage, write_lines

pytest.importorskip("torch", reason="it needs the `train` extra")

from cotspec.builtin import problems
from cotspec.builtin.digest import manifest
from cotspec.cot.prompting import default_prompt
from cotspec.spec.payload import BuiltinModel, EvaluateBody, ReportBody, ReportTable, Sampling

STUDENT = BuiltinModel(name="tiny-student", digest=manifest()["tiny-student"], chat=False)
ASKED = 12


def evaluated(stage: Stage, run: Run, folder: Path, name: str, **sampling: Any) -> Path:
    made = problems.generate(split="test", size=ASKED, seed=3, steps=(2, 2))
    lines = [{"id": at, "question": each.question, "answer": each.answer} for at, each in enumerate(made)]
    drawn = Sampling(**({"n": 2, "temperature": 0.9, "top_p": 1.0, "top_k": 0, "max_new_tokens": 90} | sampling))
    body = EvaluateBody(model=STUDENT, prompt=default_prompt("solve"), sampling=drawn, format=FORMAT, seed=5)
    place = stage(name, body, {"problems": write_lines(folder / "problems.jsonl", lines)}, generate_batch=24)
    code, out, err = run(place)
    assert code == 0, err
    assert ("avg@2" in out) == (drawn.n == 2)
    return place


def read(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    lines = (folder / "out/predictions.jsonl").read_text().splitlines()
    return json.loads((folder / "out/metrics.json").read_text()), [json.loads(line) for line in lines]


def test_two_answers_a_question_on_two_sets_are_averaged_and_reported(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    twice = evaluated(stage, run_here, tmp_path, "evaluate-twice")
    once = evaluated(stage, run_here, tmp_path, "evaluate-once", n=1)
    metrics, answers = read(twice)
    pairs = [(answers[2 * at], answers[2 * at + 1]) for at in range(ASKED)]
    assert all(one["id"] == other["id"] == at for at, (one, other) in enumerate(pairs))
    assert any(one["text"] != other["text"] for one, other in pairs)
    assert (metrics["n"], metrics["samples"]) == (ASKED, 2)
    assert metrics["accuracy"] == sum(each["correct"] for each in answers) / (2 * ASKED)
    (passed,) = metrics["pass_at"]
    assert passed["k"] == 2
    assert passed["share"] == pytest.approx(sum(a["correct"] or b["correct"] for a, b in pairs) / ASKED)
    assert 0 < metrics["accuracy"] < passed["share"] < 1, "this model and seed tell the two apart"
    assert metrics["accuracy_low"] < metrics["accuracy"] < metrics["accuracy_high"]

    single, first = read(once)
    assert not {"samples", "pass_at"} & single.keys()
    assert [each["text"] for each in first] == [one["text"] for one, _ in pairs]  # more answers change none

    sets = (ReportTable(name="test", labels=("student",)), ReportTable(name="sampled", labels=("student",)))
    body = ReportBody(name="tiny", about="", labels=("student",), sets=sets)
    places = {"test": once, "sampled": twice}
    report = stage("r", body, {f"evaluate.{k}.student": v / "out/metrics.json" for k, v in places.items()})
    code, _, err = run_here(report)
    assert code == 0, err
    assert "tiny · sampled · 12 problems, 2 answers to each" in (report / "out/table.txt").read_text()
    page = (report / "out/report.md").read_text()
    heads = [line for line in page.splitlines() if line.startswith("|  |")]
    assert ["avg@2" in head and "pass@2" in head for head in heads] == [False, True]
    assert f"{100 * passed['share']:.1f} %" in page
