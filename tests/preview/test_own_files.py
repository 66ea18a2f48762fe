"""Texts that exist already are previewed as they are: nobody has to run anything first."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from cotspec.history import data_files
from tests.support import Run

TRACES = [
    {
        "q": "Ann has 3 pens and buys 4. How many?",
        "a": "7",
        "t": "<think>\nAdd.\n</think>\n\nStep 1: 3 + 4 = 7\nAnswer: 7",
    },
    {"q": "Ben has 9 pens and loses 4. How many?", "a": "5", "t": "Step 1: 9 - 4 = 6\nAnswer: 6"},
    {"q": "Cem has 2 pens and buys 2. How many?", "a": "4", "t": "Step 1: 2 + 2 = 4\nAnswer: 4"},
]
SPEC = """\
cotspec: 2
name: own
models: {student: {builtin: tiny-student}}
data:
  r1: {file: FILE, question: q, answer: a, trace: t}
  test: {builtin: chains, split: test, size: 100}
stages:
  learn:
    start: student
    train: {by: sft, lr: 1e-4, epochs: 1, global_batch: 2}
    rows: {from: r1, where: r1.correct, slice: [0, 2]}
    task: solve
evaluate: {data: test, of: [student, learn]}
resources: {train: {gpus: 0}, generate: {gpus: 0}}
"""


def project(folder: Path, name: str) -> None:
    (folder / ".git").mkdir()
    (folder / "own.yaml").write_text(SPEC.replace("FILE", name), encoding="utf-8")
    if name.endswith(".csv"):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ("q", "a", "t"))
            writer.writeheader()
            writer.writerows(TRACES)
    else:
        (folder / name).mkdir()
        for at, row in enumerate(TRACES):
            (folder / name / f"{at}.json").write_text(json.dumps([row]), encoding="utf-8")


def preview(run: Run, folder: Path, *more: str) -> Any:
    code, out, err = run("own.yaml", "learn", "--format", "json", *more, folder=folder)
    assert code == 0, err
    return json.loads(out)


@pytest.mark.parametrize("name", ["own.csv", "shards"])
def test_a_row_of_a_data_file_is_cut_filtered_and_shown(name: str, tmp_path: Path, run: Run) -> None:
    project(tmp_path, name)
    shown = preview(run, tmp_path, "--id", "0")
    assert (shown["source"]["kind"], shown["source"]["about"]) == ("real", f"real rows: 3 rows of {name}")
    assert [part["kind"] for part in shown["trace"]["segments"]] == ["thinking", "step", "answer"]
    assert shown["trace"]["text"].startswith("Thinking…\nAdd.\n\nStep 1:"), "as the spec opens it"
    code, _, err = run("own.yaml", "learn", "--id", "1", folder=tmp_path)
    assert (code, err) == (2, "cotspec: no record 1 in this stage: it has 1, between 0 and 0\n"), "it is not right"


def test_of_a_long_file_the_first_rows_stand_in(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, "own.csv")
    monkeypatch.setattr(data_files, "MOST_ROWS", 2)
    shown = preview(run, tmp_path)
    assert (shown["source"]["kind"], shown["source"]["about"]) == (
        "stand-in",
        "stand-in rows: the first 2 rows of own.csv",
    )


def test_of_a_question_alone_no_trace_is_shown(tmp_path: Path, run: Run) -> None:
    project(tmp_path, "own.csv")
    reward = "reward: {terms: {solved: {value: 1 if correct else 0}}}"
    text = (
        (tmp_path / "own.yaml").read_text(encoding="utf-8").replace(", trace: t", "").replace("where: r1.correct, ", "")
    )
    text = text.replace("by: sft", "by: grpo, group: 2").replace("task: solve", f"task: solve\n    {reward}")
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    code, out, err = run("own.yaml", "learn", folder=tmp_path)
    assert code == 0, err
    heads = [line.split(" ")[0] for line in out.splitlines() if line[:1].isupper()]
    assert heads == ["Question", "Prompt", "Reward"]
    assert "teacher" not in out
