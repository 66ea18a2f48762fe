"""A teacher's probabilities as a task: once for equal texts, whole after a kill, and of the very rows that use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bodies
import pytest
import small
from conftest import Run, Stage, contents, write_lines

pytest.importorskip("torch", reason="these tests need the `train` extra")

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from cotspec.runtime import probabilities
from cotspec.spec.payload import ProbabilitiesBody

FIELDS = ("probabilities.model", "probabilities.top_k", "probabilities.precision", "distill.precompute")
"""What the tests below show to arrive."""
BODY = ProbabilitiesBody(model=bodies.MODEL, top_k=4, precision="fp32")


def made(
    stage: Stage,
    folder: Path,
    model: Path,
    rows: list[dict[str, Any]],
    *,
    name: str = "scored",
    batch: int,
    **changes: Any,
) -> Path:
    files = {"rows": write_lines(folder / f"{name}.jsonl", rows), "model": model}
    return stage(name, BODY.model_copy(update=changes), files, generate_batch=batch)


def test_they_are_those_of_the_model_one_text_at_a_time_and_equal_texts_are_computed_once(
    stage: Stage, tmp_path: Path, small_model: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probabilities, "_PART", 4)
    rows = small.distill_rows(9)
    folder = made(stage, tmp_path, small_model, [*rows, *rows], batch=3)
    code, out, err = run_here(folder)
    assert code == 0, err
    assert "9 texts of 18 rows, 4 tokens at each place" in out
    stored = probabilities.Stored(folder / "out")
    assert stored.texts == [*range(9), *range(9)]
    model, tokenizer = AutoModelForCausalLM.from_pretrained(small_model), AutoTokenizer.from_pretrained(small_model)
    for row, number in zip(rows, stored.texts, strict=False):
        context = tokenizer(row["context"] or row["prompt"])["input_ids"]
        target = [*tokenizer(row["target"])["input_ids"], small.END]
        assert stored.target(number) == target
        with torch.no_grad():
            logits = model(torch.tensor([context + target])).logits[0]
        wanted = logits[len(context) - 1 : -1, : len(tokenizer)].log_softmax(-1).topk(4)
        ids, found = stored.likeliest(number)
        assert torch.equal(ids, wanted.indices)
        assert torch.allclose(found, wanted.values, atol=1e-5)


def test_a_run_that_was_stopped_goes_on_after_the_last_whole_part_and_gives_the_same_bytes(
    stage: Stage, tmp_path: Path, small_model: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probabilities, "_PART", 4)
    whole = made(stage, tmp_path, small_model, small.distill_rows(10), name="whole", batch=2)
    assert run_here(whole)[0] == 0
    stopped = made(stage, tmp_path, small_model, small.distill_rows(10), name="stopped", batch=2)
    write, asked = probabilities._write, []

    def second(path: Path, *given: Any, **more: Any) -> None:
        asked.append(path.name)
        if len(asked) == 2:
            raise KeyboardInterrupt
        write(path, *given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(probabilities, "_write", second)
        assert run_here(stopped)[0] != 0
    asked.clear()
    monkeypatch.setattr(probabilities, "_write", lambda path, *g, **m: (asked.append(path.name), write(path, *g, **m)))
    assert run_here(stopped)[0] == 0
    assert asked == ["probabilities-00001.safetensors", "probabilities-00002.safetensors"]
    assert contents(stopped / "out") == contents(whole / "out")


def test_a_context_without_room_is_counted_and_its_row_is_not_trained_on(
    stage: Stage, tmp_path: Path, small_model: Path, run_here: Run
) -> None:
    rows = small.distill_rows(9)
    rows[2]["context"] = "Ann has 1 apples. " * 40
    folder = made(stage, tmp_path, small_model, rows, batch=3)
    assert run_here(folder)[0] == 0
    index = json.loads((folder / "out/index.json").read_text())
    assert (index["rows_context_too_long"], index["text_of_row"][2]) == (1, -1)
    files = {"rows": write_lines(tmp_path / "rows.jsonl", rows), "model": small_model, "teacher": small_model}
    files["probabilities"] = folder / "out"
    body = bodies.distill(teacher=bodies.MODEL, top_k=4, precompute=True)
    trained = stage("distill", body, files)
    code, _, err = run_here(trained)
    assert code == 0, err
    assert small.metrics(trained)["rows_context_too_long"] == 1


def test_probabilities_of_other_rows_are_refused(
    stage: Stage, tmp_path: Path, small_model: Path, run_here: Run
) -> None:
    rows = small.distill_rows(8)
    folder = made(stage, tmp_path, small_model, rows, batch=8)
    assert run_here(folder)[0] == 0
    body = bodies.distill(teacher=bodies.MODEL, top_k=4, precompute=True)
    files = {"model": small_model, "teacher": small_model, "probabilities": folder / "out"}
    for name, other, told in (
        ("fewer", rows[1:], "the probabilities are of 8 rows, and there are 7"),
        ("others", rows[::-1], "the probabilities are of other tokens"),
    ):
        write_lines(tmp_path / f"{name}-rows.jsonl", other)
        code, _, err = run_here(stage(name, body, files | {"rows": tmp_path / f"{name}-rows.jsonl"}))
        assert code == 2
        assert told in err


@pytest.mark.parametrize(
    ("changes", "differs"), [({"top_k": 2}, "shape"), ({"precision": "bf16"}, "values"), ({}, "model")]
)
def test_each_setting_is_seen_in_the_result(
    changes: dict[str, Any],
    differs: str,
    stage: Stage,
    tmp_path: Path,
    small_model: Path,
    small_teacher: Path,
    run_here: Run,
) -> None:
    rows = small.distill_rows(3)
    other = small_teacher if differs == "model" else small_model
    folders = (
        made(stage, tmp_path, small_model, rows, name="plain", batch=3),
        made(stage, tmp_path, other, rows, name="changed", batch=3, **changes),
    )
    assert [run_here(folder)[0] for folder in folders] == [0, 0]
    plain, changed = (probabilities.Stored(folder / "out").likeliest(0)[1] for folder in folders)
    assert (plain.shape == changed.shape) is (differs != "shape")
    assert differs == "shape" or not torch.equal(plain, changed)
    assert differs != "values" or torch.allclose(plain, changed, atol=0.1)


def test_a_stage_whose_probabilities_are_there_loads_no_teacher(
    stage: Stage, tmp_path: Path, small_model: Path, small_teacher: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import Trainer

    rows = small.distill_rows(8)
    folder = made(stage, tmp_path, small_teacher, rows, batch=8)
    assert run_here(folder)[0] == 0
    met, train = [], Trainer.train
    monkeypatch.setattr(Trainer, "train", lambda self, *args, **more: (met.append(self), train(self, *args, **more))[1])
    files = {"rows": write_lines(tmp_path / "rows.jsonl", rows), "model": small_model, "teacher": small_teacher}
    body = bodies.distill(teacher=bodies.MODEL, top_k=4, precompute=True)
    code, _, err = run_here(stage("distill", body, files | {"probabilities": folder / "out"}))
    assert code == 0, err
    assert met[0].teacher_model is None
