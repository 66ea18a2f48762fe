"""A stage that begins with the optimizer of the stage it starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bodies
import pytest
import small
from conftest import Run, Stage, contents, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

from reference import sft
from reference.compare import moved, same_steps, same_weights
from reference.optimizer import AdamW
from reference.policy import Policy
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, Trainer, TrainerCallback

from cotspec.runtime.train.optimizer_state import FILE
from cotspec.spec.payload import AtStep, SftBody

LR = 5e-3
FIRST = bodies.OPTIM.model_copy(update={"lr": 2 * LR, "warmup_steps": 0})
SECOND = bodies.OPTIM.model_copy(update={"lr": LR, "schedule": "cosine"})


def body(**changes: Any) -> SftBody:
    return bodies.sft(**({"optim": SECOND, "optimizer": "carried", "global_batch": 8} | changes))


@pytest.fixture
def before(stage: Stage, tmp_path: Path, small_model: Path, run_here: Run) -> Path:
    """A stage of three steps that keeps its optimizer, and the one after its second step."""
    rows = write_lines(tmp_path / "before.jsonl", small.sft_rows(24))
    of = body(optim=FIRST, optimizer="fresh", keeps_optimizer=True, keep=AtStep(step=2))
    folder = stage("before", of, {"rows": rows, "model": small_model}, per_device_batch=8)
    assert run_here(folder)[0] == 0
    return folder


@pytest.fixture
def after(stage: Stage, tmp_path: Path, before: Path, run_here: Run) -> Any:
    """Trains a stage that starts from it, or from another folder."""
    rows = write_lines(tmp_path / "after.jsonl", small.sft_rows(48)[24:])

    def call(name: str, of: SftBody, model: Path | None = None, **settings: Any) -> tuple[Path, tuple[int, str, str]]:
        files = {"rows": rows, "model": model or before / "out/model"}
        folder = stage(name, of, files, **({"per_device_batch": 8} | settings))
        return folder, run_here(folder)

    return call


def test_moments_and_their_steps_go_on_while_rate_and_schedule_begin_anew(
    before: Path, after: Any, small_model: Path
) -> None:
    """As computed by hand; and another result than without, from the first step on."""
    policy, tokenizer = Policy(small_model, bodies.ALL), AutoTokenizer.from_pretrained(small_model)
    optimizer = AdamW(policy.trained, FIRST, total=3)
    for start in (0, 8, 16):
        examples = [sft.example(row, tokenizer) for row in small.sft_rows(24)[start : start + 8]]
        optimizer.step(*sft.backward(policy, examples))
    same_weights(small.weights(before), policy.weights(), lr=2 * LR)
    policy = Policy(before / "out/model", bodies.ALL)
    going = AdamW(policy.trained, SECOND, total=3, before=3, first=optimizer.first, second=optimizer.second)
    steps = []
    for start in (24, 32, 40):
        examples = [sft.example(row, tokenizer) for row in small.sft_rows(48)[start : start + 8]]
        steps.append(going.step(*sft.backward(policy, examples)))
    folder, (code, _, err) = after("carried", body())
    assert code == 0, err
    same_steps(small.log(folder), steps)
    same_weights(small.weights(folder), policy.weights(), lr=2 * LR)
    fresh, _ = after("fresh", body(optimizer="fresh"))
    assert moved(small.weights(folder), small.weights(fresh)) > LR / 5
    assert not (folder / "out/model" / FILE).exists()


def test_each_checkpoint_has_the_state_of_its_own_step(before: Path) -> None:
    for place, step in ("model", 3), ("checkpoints/2", 2):
        state = load_file(before / "out" / place / FILE)
        assert {float(value) for name, value in state.items() if name.endswith("/step")} == {step}
        assert any(float(value.abs().max()) > 0 for name, value in state.items() if name.endswith("/exp_avg"))


def test_a_stage_that_carries_and_is_stopped_leaves_the_bytes_of_one_that_was_not(
    after: Any, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, (code, _, err) = after("whole", body(keeps_optimizer=True), save_steps=1)
    assert code == 0, err
    train, stop = Trainer.train, [True]

    class Stop(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if stop and state.global_step == 2:
                stop.clear()
                raise KeyboardInterrupt

    def stopped(self: Any, *arguments: Any, **options: Any) -> Any:
        self.add_callback(Stop())
        return train(self, *arguments, **options)

    monkeypatch.setattr(Trainer, "train", stopped)
    folder, (code, _, _) = after("stopped", body(keeps_optimizer=True), save_steps=1)
    assert code == 130
    code, out, err = run_here(folder)
    assert code == 0, err
    assert "resuming after step 2" in out
    assert contents(folder / "out") == contents(whole / "out")


def test_a_state_that_is_not_there_or_of_another_model_is_refused(after: Any, small_model: Path, before: Path) -> None:
    _, (code, _, err) = after("none", body(), small_model)
    assert code == 2
    assert f"there is no {FILE} beside the weights" in err
    file = before / "out/model" / FILE
    state = load_file(file)
    name = next(iter(state))
    save_file({**state, name: state[name].new_zeros(3, 5)}, file)
    _, (code, _, err) = after("shape", body())
    assert code == 2
    assert "is of another model" in err
    file.write_bytes(b"no tensors")
    _, (code, _, err) = after("broken", body())
    assert code == 2
    assert f"{FILE} cannot be read" in err
