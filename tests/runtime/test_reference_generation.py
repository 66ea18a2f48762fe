"""Answers are what the model says: the likeliest tokens found by hand, lengths that count the end of sequence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bodies
import pytest
import small
from conftest import FORMAT, Run, Stage, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")

from reference.policy import Policy
from reference.sampling import greedy
from transformers import AutoTokenizer, GenerationMixin

from cotspec.spec.payload import EvaluateBody, Sampling

LONGEST = 12


def evaluate(stage: Stage, tmp_path: Path, model: Path, **sampling: Any) -> Path:
    """An evaluation of six questions of three lengths, in batches of four."""
    drawn = Sampling(**({"n": 1, "temperature": 0.0, "top_p": 1.0, "top_k": 0, "max_new_tokens": LONGEST} | sampling))
    body = EvaluateBody(model=bodies.MODEL, prompt="{{ question }}\n", sampling=drawn, format=FORMAT, seed=1)
    problems = [{"id": row["id"], "question": row["prompt"][:-1], "answer": "1"} for row in small.grpo_rows(6)]
    files = {"problems": write_lines(tmp_path / "problems.jsonl", problems), "model": model}
    return stage("evaluate", body, files)


def predictions(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out/predictions.jsonl").read_text().splitlines()]


def test_greedy_answers_are_those_computed_by_hand(
    stage: Stage, tmp_path: Path, small_model: Path, run_here: Run
) -> None:
    folder = evaluate(stage, tmp_path, small_model)
    assert run_here(folder)[0] == 0
    policy, tokenizer = Policy(small_model, bodies.ALL), AutoTokenizer.from_pretrained(small_model)
    for row, prediction in zip(small.grpo_rows(6), predictions(folder), strict=True):
        made = greedy(policy, tokenizer(row["prompt"])["input_ids"], end=small.END, longest=LONGEST)
        assert prediction["text"] == tokenizer.decode(made, skip_special_tokens=True)
        assert prediction["tokens"] == len(made)
        assert prediction["truncated"] == (made[-1] != small.END)


def test_the_length_of_an_answer_counts_its_end_of_sequence(
    stage: Stage, tmp_path: Path, small_model: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    generate = GenerationMixin.generate

    def noting(self: Any, **options: Any) -> Any:
        out = generate(self, **options)
        rows = out[:, options["input_ids"].shape[1] :].tolist()
        drawn.extend(row.index(small.END) + 1 if small.END in row else len(row) for row in rows)
        return out

    monkeypatch.setattr(GenerationMixin, "generate", noting)
    folder = evaluate(stage, tmp_path, small_model, temperature=1.0, n=4)
    assert run_here(folder)[0] == 0
    made = predictions(folder)
    assert sorted(prediction["tokens"] for prediction in made) == sorted(drawn)
    assert len({prediction["tokens"] for prediction in made}) > 3
    assert all(prediction["tokens"] == LONGEST for prediction in made if prediction["truncated"])
    assert 0 < sum(prediction["truncated"] for prediction in made) < len(made)
    assert small.metrics(folder)["tokens"] == pytest.approx(sum(drawn) / len(drawn))
