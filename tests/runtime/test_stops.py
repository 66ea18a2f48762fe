"""Completions that are stopped: what is kept, what counts, what is trained on."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bodies
import pytest
from conftest import Run, Stage, write_lines

from cotspec.builtin.digest import MODELS, folder_digest
from cotspec.cot.prompting import default_prompt
from cotspec.runtime import models
from cotspec.runtime.stopping import Cut, Stopper
from cotspec.spec.payload import BuiltinModel, EvaluateBody, Stop, TraceFormat

pytest.importorskip("trl", reason="these tests need the `train` extra")

STUDENT = BuiltinModel(name="tiny-student", digest=folder_digest(MODELS / "tiny-student"), chat=False)
ASKED = [
    "Tom has 6 pens. He buys 3 more. He gives 4 away. How many pens does he have?",
    "Ann has 5 apples. She finds 4 more. How many apples does she have?",
    "Ben has 9 coins. He loses 2. He finds 6. He loses 1. How many coins does he have?",
]
#: Its answer's line is what the student's first step is, so that something always comes after it.
FIRST_STEP = Stop(after="answer", format=TraceFormat(thinking="Zzz:", step="Zz {n}:", answer="Step 1:"))


def origin(folder: Path) -> models.ModelSource:
    return models.ModelSource(folder=folder, chat=None, trust_remote_code=False)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def evaluated(stage: Stage, run: Run, tmp_path: Path, name: str, stop: Stop, **how: Any) -> list[dict[str, Any]]:
    sampling = bodies.SAMPLED.model_copy(update={"max_new_tokens": 90, "stop": stop})
    body = EvaluateBody(model=STUDENT, prompt=default_prompt("solve"), sampling=sampling, format=bodies.FORMAT, seed=4)
    problems = write_lines(
        tmp_path / f"{name}.jsonl", [{"id": i, "question": q, "answer": "5"} for i, q in enumerate(ASKED * 3)]
    )
    folder = stage(name, body, {"problems": problems}, **how)
    code, _, err = run(folder)
    assert code == 0, err
    return read(folder / "out/predictions.jsonl")


@pytest.mark.parametrize(
    ("stop", "kept"),
    [
        (FIRST_STEP, lambda text: text[: text.index("\n", text.index("Step 1:"))]),
        (Stop(texts=("p 2:",)), lambda text: text[: text.index("p 2:")]),
    ],
    ids=["after the answer's line", "a text that begins inside a token"],
)
def test_a_stopped_answer_is_the_beginning_of_the_unstopped_one(
    stage: Stage, run_here: Run, tmp_path: Path, stop: Stop, kept: Any
) -> None:
    whole = evaluated(stage, run_here, tmp_path, "whole", Stop())
    stopped = evaluated(stage, run_here, tmp_path, "stopped", stop)
    alone = evaluated(stage, run_here, tmp_path, "alone", stop, generate_batch=1)
    assert [line["text"] for line in stopped] == [kept(line["text"]) for line in whole]
    assert stopped == alone  # whatever shares its batch
    tokenizer = models.load_tokenizer(
        models.ModelSource(folder=MODELS / "tiny-student", chat=None, trust_remote_code=False)
    )
    for one, all_ in zip(stopped, whole, strict=True):
        assert not one["truncated"]
        assert one["tokens"] < all_["tokens"]
        ids = tokenizer(all_["text"], add_special_tokens=False)["input_ids"]
        shorter = tokenizer.decode(ids[: one["tokens"] - 1])
        assert len(shorter) <= len(one["text"]) + len("p 2:")  # one token less had not come to the stop
        assert tokenizer.decode(ids[: one["tokens"]]).startswith(one["text"])


def test_an_engine_that_went_on_gives_the_same_as_one_that_ended(tiny_model: Path) -> None:
    tokenizer = models.load_tokenizer(origin(tiny_model))
    stop = Stop(texts=("Question:",), after="answer", format=bodies.FORMAT)
    stopper = Stopper(stop, tokenizer)
    text = "Step 1: 2 + 3 = 5.\nAnswer: 5\nQuestion: Ann has"
    ids = tokenizer(text)["input_ids"]
    cut = stopper.cut(ids, thinking=False)
    assert cut is not None
    assert cut.text == "Step 1: 2 + 3 = 5.\nAnswer: 5"
    assert tokenizer.decode(ids[: cut.tokens]) == cut.text + "\n"
    for end in range(len(ids) + 1):
        assert stopper.cut(ids[:end], thinking=False) == (cut if end >= cut.tokens else None)
        assert stopper.may_end(ids[:end]) or stopper.cut(ids[:end], thinking=False) in (None, cut)
    assert stopper.may_end(ids[: cut.tokens])


def test_vllms_output_is_cut_like_any(tiny_model: Path) -> None:
    from cotspec.runtime.engine import Completion, Draw
    from cotspec.runtime.engine_vllm import _completion

    tokenizer = models.load_tokenizer(origin(tiny_model))
    stopper = Stopper(Stop(texts=("Question:",), after="answer", format=bodies.FORMAT), tokenizer)
    kept, draw = "Step 1: a\nAnswer: 5", Draw(ids=tokenizer("How many?")["input_ids"], seed=1)
    for text, reason in ((f"{kept}\nand on", "length"), (f"{kept}\nQuestion:", "stop")):
        made = SimpleNamespace(token_ids=tokenizer(text)["input_ids"], text=text, finish_reason=reason)
        tokens = len(tokenizer(kept + "\n")["input_ids"])
        assert _completion(draw, made, stopper) == Completion(text=kept, tokens=tokens, truncated=False)
    made = SimpleNamespace(token_ids=tokenizer(kept)["input_ids"], text=kept, finish_reason="length")
    assert _completion(draw, made, stopper) == Completion(text=kept, tokens=len(made.token_ids), truncated=True)


def test_a_prompt_that_opens_thoughts_is_known_by_its_end(tiny_model: Path) -> None:
    tokenizer = models.load_tokenizer(origin(tiny_model))
    stopper = Stopper(FIRST_STEP, tokenizer)
    assert stopper.thinks(tokenizer("How many?\n<think>\n")["input_ids"])
    assert not stopper.thinks(tokenizer("<think> is a word. How many?")["input_ids"])


# --- grpo -------------------------------------------------------------------------------------------------------------


def test_grpo_trains_on_what_was_sampled_up_to_the_stop_and_on_nothing_after_it(
    stage: Stage, run_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trl import GRPOTrainer

    from cotspec.runtime.trainers.grpo_rollouts import Trainer

    seen: list[dict[str, Any]] = []
    sampled: list[list[int]] = []
    told: list[list[Cut | None]] = []
    score, single = Trainer._generate_and_score_completions, GRPOTrainer._generate_single_turn

    def spy(self: Trainer, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = score(self, inputs)
        seen.append(made)
        told.append(list(self._cuts))
        return made

    def drawn(self: Trainer, *given: Any, **more: Any) -> Any:
        ids, logprobs = single(self, *given, **more)
        sampled.extend(ids)
        return ids, logprobs

    monkeypatch.setattr(Trainer, "_generate_and_score_completions", spy)
    monkeypatch.setattr(GRPOTrainer, "_generate_single_turn", drawn)
    prompt = [f"Question: {question}\nSolution:\n" for question in ASKED[:2]]
    records = [{**row, "prompt": prompt[at]} for at, row in enumerate(bodies.grpo_rows(2))]
    rows = write_lines(tmp_path / "rows.jsonl", records)
    sampling = bodies.SAMPLED.model_copy(update={"max_new_tokens": 90, "stop": FIRST_STEP})
    body = bodies.grpo(start=STUDENT, sampling=sampling, max_length=200, iterations=1, mask_truncated=True)
    folder = stage("grpo", body, {"rows": rows}, per_device_batch=8)
    code, _, err = run_here(folder)
    assert code == 0, err
    [made], [cuts] = seen, told
    tokenizer = models.load_tokenizer(
        models.ModelSource(folder=MODELS / "tiny-student", chat=None, trust_remote_code=False)
    )
    assert len(sampled) == 8
    assert all(cut is not None for cut in cuts)
    loss = (made["completion_mask"] * made["tool_mask"]).tolist()
    for row, mask, own, cut in zip(made["completion_ids"].tolist(), loss, sampled, cuts, strict=True):
        assert cut is not None
        assert mask == [1] * cut.tokens + [0] * (len(row) - cut.tokens)
        assert row[: cut.tokens] == own[: cut.tokens]
        assert row[cut.tokens] == tokenizer.eos_token_id
        assert cut.text.count("\n") == cut.text[: cut.text.index("Step 1:")].count("\n")
    assert made["num_items_in_batch"] == sum(cut.tokens for cut in cuts if cut)
    [log] = read(folder / "out/log.jsonl")[:1]
    assert log["tokens"] == pytest.approx(sum(cut.tokens for cut in cuts if cut) / 8)
    assert log["truncated"] == 0.0
    assert log["grad_norm"] > 0
