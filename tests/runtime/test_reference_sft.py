"""SFT as it runs equals SFT as the papers and docs define it, written again in `reference/`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bodies
import pytest
import small
from conftest import FORMAT, Run, Stage, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

import observe
from reference import sft
from reference.compare import moved, same_steps, same_weights
from reference.policy import Policy
from transformers import AutoTokenizer

from cotspec.cot.records import SftRow
from cotspec.runtime.encoding import Encoder
from cotspec.runtime.train.score import IGNORE
from cotspec.runtime.trainers.sft import tokenise
from cotspec.spec.payload import Lora, Mask, Optim, Ramp, Range, RowsBody

LORA = Lora(r=3, alpha=7.0, dropout=0.0, targets=("q_proj", "down_proj"))
LR = 5e-3


def optim(schedule: str, **changes: Any) -> Optim:
    values = {"lr": LR, "schedule": schedule, "warmup_steps": 0, "warmup_ratio": 0.0}
    return Optim(**(values | {"weight_decay": 0.3, "max_grad_norm": 4.0} | changes))


CASES = {
    "linear, rows too long and a last batch that is not full": {"optim": optim("linear", warmup_steps=1)},
    "cosine, warm-up by share, all clipped": {"optim": optim("cosine", warmup_ratio=0.3, max_grad_norm=0.5)},
    "constant after warm-up": {"optim": optim("constant", warmup_steps=2)},
    "adapters": {"optim": optim("linear", warmup_steps=1, max_grad_norm=0.9), "lora": LORA},
}


@pytest.mark.parametrize("case", CASES)
def test_a_run_is_the_one_computed_by_hand(
    case: str, stage: Stage, tmp_path: Path, small_model: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = bodies.sft(global_batch=8, max_length=48, **CASES[case])
    rows = small.sft_rows(40)
    files = {"rows": write_lines(tmp_path / "rows.jsonl", rows), "model": small_model}
    folder = stage("sft", body, files, per_device_batch=2, accumulation=4)
    observed = observe.watch(monkeypatch)
    code, out, err = run_here(folder)
    assert code == 0, err
    policy = Policy(small_model, body.lora, observed.adapters or None)
    before = {name: weight.detach().clone() for name, weight in policy.weights().items()}
    steps = sft.run(policy, AutoTokenizer.from_pretrained(small_model), rows, body)
    same_steps(small.log(folder), steps)
    same_weights(small.weights(folder), policy.weights(), lr=LR)
    assert moved(before, policy.weights()) > LR
    assert "13 of 40 rows are not trained on: 13 longer than max_length 48" in out
    assert small.metrics(folder)["rows_used"] == 27
    norms = [step.grad_norm for step in steps]
    assert max(norms) > body.optim.max_grad_norm


TEXT = "Thinking…\nÉasy, 日本 🙂.\n\nStep 1: 3 + 4 = 7.\nAnswer: 7"


def test_labels_are_those_of_the_supervised_characters_wherever_a_span_begins_and_ends(tiny_model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    encoder = Encoder(tokenizer, chat=None, ends=[tokenizer.eos_token_id])
    ends = range(len(TEXT) + 1)
    spans = [((first, last),) for first in ends for last in ends if first < last]
    spans += [((first, first + 3), (last, len(TEXT))) for first in range(20) for last in range(first + 3, len(TEXT))]
    for supervise in spans:
        row = SftRow(row=0, epoch=0, id=0, prompt="How many?\n", target=TEXT, supervise=supervise)
        real = tokenise(row, encoder)
        by_hand = sft.example({"prompt": row.prompt, "target": TEXT, "supervise": supervise}, tokenizer)
        whole = [*by_hand.prompt, *by_hand.completion]
        carries = [False] * len(by_hand.prompt) + by_hand.loss
        assert real.input_ids == whole
        assert real.labels == [token if yes else IGNORE for token, yes in zip(whole, carries, strict=True)], supervise


def test_the_rows_of_all_epochs_are_trained_in_the_order_in_which_they_were_built(
    stage: Stage, tmp_path: Path, small_model: Path, run_here: Run
) -> None:
    traces = [
        {"id": k, "question": f"Ann has {k} apples.", "answer": str(k + 1), "trace": small.sft_rows(4)[k]["target"]}
        | {"steps": 1, "words": 9, "tokens": 12}
        for k in range(4)
    ]
    mask = Mask(
        unit="step",
        select="random",
        rows=0.0,
        count=0,
        share=Ramp(first=0, last=0),
        at_least=0,
        leave=0,
        placeholder="apples",
    )
    built = RowsBody(
        by="sft",
        task="solve",
        epochs=3,
        slice=Range(first=0, end=-1),
        mask=mask,
        shuffle=False,
        format=FORMAT,
        loss_on=("step", "answer"),
        prompt="{{ question }} How many?\n",
        seed=5,
    )
    made = stage("rows", built, {"traces": write_lines(tmp_path / "traces.jsonl", traces)})
    assert run_here(made)[0] == 0
    rows = [json.loads(line) for line in (made / "out/rows.jsonl").read_text().splitlines()]
    orders = [[row["id"] for row in rows if row["epoch"] == epoch] for epoch in range(3)]
    assert [sorted(order) for order in orders] == [[0, 1, 2, 3]] * 3
    assert len({tuple(order) for order in orders}) > 1
    body = bodies.sft(optim=optim("constant"), global_batch=2)
    folder = stage("sft", body, {"rows": made / "out/rows.jsonl", "model": small_model}, per_device_batch=2)
    code, _, err = run_here(folder)
    assert code == 0, err
    policy = Policy(small_model, body.lora)
    steps = sft.run(policy, AutoTokenizer.from_pretrained(small_model), rows, body)
    assert len(steps) == 6
    same_steps(small.log(folder), steps)
    same_weights(small.weights(folder), policy.weights(), lr=LR)
