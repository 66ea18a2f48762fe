"""Distillation as it runs equals distillation as its papers define it, written again in `reference/`, and TRL's own
where that does the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bodies
import pytest
import small
from conftest import Run, Stage, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

import observe
from reference import distill
from reference.compare import moved, same_steps, same_weights
from reference.policy import Policy
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer

from cotspec.spec.payload import DistillBody, FirstWeights, Lora, Optim, ProbabilitiesBody, Sampling, Stop

LR = 5e-3
LORA = Lora(r=3, alpha=7.0, dropout=0.0, targets=("q_proj", "down_proj"))
OPTIM = Optim(lr=LR, schedule="cosine", warmup_steps=1, warmup_ratio=0.0, weight_decay=0.3, max_grad_norm=2.0)
DRAWN = Sampling(n=1, temperature=0.7, top_p=0.95, top_k=0, max_new_tokens=12)
STOPPED = DRAWN.model_copy(update={"stop": Stop(texts=(" apples",))})
ROWS: dict[str, dict[str, Any]] = {
    "forward": {"divergence": "forward"},
    "forward of the likeliest": {"divergence": "forward", "top_k": 5},
    "reverse of the likeliest": {"top_k": 5},
    "between of the likeliest": {"divergence": 0.7, "top_k": 5, "renormalise": True},
    "of the likeliest, made to sum to 1": {"top_k": 5, "renormalise": True},
    "computed before, forward": {"precompute": True, "top_k": 5, "divergence": "forward"},
    "computed before, reverse, made to sum to 1": {"precompute": True, "top_k": 7, "renormalise": True},
    "computed before, its first weights": {"precompute": True, "top_k": 6, "teacher": FirstWeights(), "lora": LORA},
    "an average": {"top_k": 5, "teacher": FirstWeights(), "follow": 0.3},
    "adapters": {"lora": LORA},
    "adapters, its first weights": {"lora": LORA, "top_k": 4, "teacher": FirstWeights()},
}
STUDENT: dict[str, dict[str, Any]] = {
    "its own texts": {"sampling": DRAWN},
    "its own texts, stopped": {"sampling": STOPPED, "top_k": 6},
    "its own texts, its first weights": {"sampling": DRAWN, "teacher": FirstWeights(), "divergence": 0.4},
    "its own texts, their average": {"sampling": DRAWN, "teacher": FirstWeights(), "follow": 0.3},
}


def probabilities(top_k: int) -> ProbabilitiesBody:
    return ProbabilitiesBody(model=bodies.MODEL, top_k=top_k, precision="fp32")


@pytest.mark.parametrize("case", [*ROWS, *STUDENT])
def test_a_run_is_the_one_computed_by_hand(
    case: str,
    stage: Stage,
    tmp_path: Path,
    small_model: Path,
    small_teacher: Path,
    run_here: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes = ROWS.get(case) or STUDENT[case] | {"over": "student"}
    body = bodies.distill(**({"optim": OPTIM, "global_batch": 8, "max_length": 45, "teacher": bodies.MODEL} | changes))
    rows = small.distill_rows(26)
    if isinstance(body.teacher, FirstWeights):  # where it reads the student's prompt there is nothing to learn yet
        rows = [row | {"context": f"{row['target']}\n{row['prompt']}"} for row in rows]
    files = {"rows": write_lines(tmp_path / "rows.jsonl", rows), "model": small_model}
    asked = small_model
    if not isinstance(body.teacher, FirstWeights):
        files["teacher"] = asked = small_teacher
    if body.precompute:
        scored = {"rows": files["rows"], "model": asked}
        scored_by = stage("probabilities", probabilities(body.top_k), scored, generate_batch=3)
        assert run_here(scored_by)[0] == 0
        files["probabilities"] = scored_by / "out"
    folder = stage("distill", body, files, per_device_batch=2, accumulation=4)
    observed = observe.watch(monkeypatch)
    code, _, err = run_here(folder)
    assert code == 0, err
    policy = Policy(small_model, body.lora, observed.adapters or None)
    before = {name: weight.detach().clone() for name, weight in policy.weights().items()}
    tokenizer = AutoTokenizer.from_pretrained(small_model)
    steps = _steps(rows, observed.generations, tokenizer, body)
    assert len(steps) >= 2
    done = distill.run(policy, Policy(asked, bodies.ALL, vocabulary=len(tokenizer)), steps, body)
    same_steps(small.log(folder), done)
    same_weights(small.weights(folder), policy.weights(), lr=LR)
    assert moved(before, policy.weights()) > LR


def _steps(
    rows: Sequence[dict[str, Any]], generations: Sequence[tuple[Any, Any]], tokenizer: Any, body: DistillBody
) -> list[list[distill.Text]]:
    """The rows that are not too long in whole batches, with their targets, or with what was written for them."""
    texts = [_text(row, tokenizer, given=body.over == "rows") for row in rows]
    room = body.max_length - (body.sampling.max_new_tokens if body.over == "student" else 0)
    texts = [text for text in texts if len(text.prompt) + len(text.completion) <= room]
    steps = [texts[start : start + 8] for start in range(0, len(texts) // 8 * 8, 8)]
    for step, (prompts, completions) in zip(steps if generations else (), generations, strict=bool(generations)):
        assert prompts == [text.prompt for text in step]
        step[:] = [
            text._replace(completion=ids, carries=[True] * len(ids))
            for text, ids in zip(step, completions, strict=True)
        ]
    return steps


def _text(row: dict[str, Any], tokenizer: Any, *, given: bool) -> distill.Text:
    prompt, context = (tokenizer(row[name] or row["prompt"])["input_ids"] for name in ("prompt", "context"))
    if not given:
        return distill.Text(prompt, context, [], [])
    whole = tokenizer(row["target"], return_offsets_mapping=True)
    inside = [any(a < end and start < b for start, end in row["supervise"]) for a, b in whole["offset_mapping"]]
    ends = max(end for _, end in row["supervise"]) == len(row["target"])
    return distill.Text(prompt, context, [*whole["input_ids"], small.END], [*inside, ends])


@pytest.mark.parametrize("divergence", ["reverse", 0.5])
def test_the_losses_are_those_of_trl_where_it_does_the_same(
    divergence: Any, stage: Stage, tmp_path: Path, small_model: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets import Dataset
    from trl import DistillationTrainer

    other = tmp_path / "other"
    small.save(other, seed=5, width=48)
    changes = {"over": "student", "sampling": DRAWN, "divergence": divergence, "teacher": bodies.MODEL, "optim": OPTIM}
    rows = [row | {"context": ""} for row in small.distill_rows(24)]
    files = {"rows": write_lines(tmp_path / "rows.jsonl", rows), "model": small_model, "teacher": other}
    folder = stage("distill", bodies.distill(global_batch=8, **changes), files, per_device_batch=4, accumulation=2)
    met, train = [], Trainer.train
    monkeypatch.setattr(Trainer, "train", lambda self, *args, **more: (met.append(self), train(self, *args, **more))[1])
    assert run_here(folder)[0] == 0
    stock = DistillationTrainer(
        model=AutoModelForCausalLM.from_pretrained(small_model),
        teacher_model=AutoModelForCausalLM.from_pretrained(other),
        args=met[0].args,
        train_dataset=Dataset.from_dict({"prompt": [row["prompt"] for row in rows]}),
        processing_class=AutoTokenizer.from_pretrained(small_model, padding_side="left"),
    )
    stock.train()
    losses = [entry["loss"] for entry in stock.state.log_history if "loss" in entry]
    assert [entry["loss"] for entry in small.log(folder)] == pytest.approx(losses, abs=5e-6)
    assert len(losses) == 3


def test_a_context_is_never_cut(stage: Stage, tmp_path: Path, small_model: Path, run_here: Run) -> None:
    rows = small.distill_rows(12)
    long = "Ann has 1 apples. " * 40
    rows[3]["context"] = rows[7]["context"] = long
    files = {"rows": write_lines(tmp_path / "rows.jsonl", rows), "model": small_model}
    folder = stage("distill", bodies.distill(), files)
    code, out, err = run_here(folder)
    assert code == 0, err
    told = small.metrics(folder)
    assert (told["rows_used"], told["rows_context_too_long"], told["rows_beyond_last_batch"]) == (8, 2, 2)
    assert "2 with a context that leaves no room in the 128 positions of the teacher" in out


def test_two_vocabularies_and_more_tokens_than_there_are_are_refused_before_weights_are_loaded(
    stage: Stage, tmp_path: Path, small_model: Path, tiny_model: Path, run_here: Run
) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", small.distill_rows(12))
    files = {"rows": rows, "model": small_model, "teacher": tiny_model}
    code, _, err = run_here(stage("strange", bodies.distill(teacher=bodies.MODEL), files))
    assert code == 2
    assert "teacher and student have two vocabularies" in err
    assert "GOLD" in err
    code, _, err = run_here(stage("above", bodies.distill(top_k=99), files))
    assert code == 2
    assert "`top_k` 99 is more than the" in err
