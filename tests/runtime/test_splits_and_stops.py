"""How a batch is split, and where a run is stopped, changes nothing that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import bodies
import pytest
import small
from conftest import Run, Stage, contents, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

from reference.compare import moved, same_weights
from safetensors.torch import load_file
from transformers import Trainer, TrainerCallback

from cotspec.runtime.train.checkpoint import MARK
from cotspec.spec.payload import (
    Best,
    DistillBody,
    DpoBody,
    FirstWeights,
    GrpoBody,
    OrpoBody,
    Ramp,
    Reward,
    RewardTerm,
    SftBody,
    TrainBody,
)
from cotspec.trainers import trainer_of

LR = 5e-3
SHORT = Reward(
    gates=(), let=(), terms=(RewardTerm(name="short", value="-0.1 * tokens", weight=Ramp(first=1.0, last=0.5)),)
)
OPTIM = bodies.OPTIM.model_copy(update={"lr": LR, "warmup_steps": 0})
SPLITS = ((8, 1), (4, 2), (2, 4))
ROWS = {"sft": 18, "grpo": 4, "dpo": 26, "orpo": 26, "distill": 26}
"""Rows for three or four steps; the last batch of sft is not full, and others leave out what fills none."""
Make = Callable[..., Path]


@pytest.fixture
def make(stage: Stage, tmp_path: Path, small_model: Path, small_teacher: Path) -> Make:
    """A stage of the small model with batches of 8."""

    def call(name: str, body: TrainBody, **settings: Any) -> Path:
        rows = small.ROWS[body.kind](ROWS[body.kind])
        files = {"rows": write_lines(tmp_path / f"{name}.jsonl", rows), "model": small_model}
        files |= {"teacher": small_teacher} if isinstance(body, DistillBody) else {}
        return stage(name, body, files, **({"per_device_batch": 8} | settings))

    return call


def sft() -> SftBody:
    return bodies.sft(optim=OPTIM, global_batch=8, keep=Best(metric="train.loss", every=2))


def grpo(**changes: Any) -> GrpoBody:
    values = {"optim": OPTIM, "reward": SHORT, "iterations": 2, "mask_truncated": True, "beta": 0.1}
    return bodies.grpo(**(values | changes))


def dpo(**changes: Any) -> DpoBody:
    return bodies.dpo(**({"optim": OPTIM, "global_batch": 8, "beta": 0.5} | changes))


def distill(**changes: Any) -> DistillBody:
    """Of the student's own texts, of which some end by themselves."""
    sampled = bodies.SAMPLED.model_copy(update={"temperature": 0.8})
    values = {"optim": OPTIM, "global_batch": 8, "teacher": bodies.MODEL, "over": "student", "sampling": sampled}
    return bodies.distill(**(values | changes))


def given(**changes: Any) -> DistillBody:
    """Of given texts, of which a part carries loss."""
    return bodies.distill(**({"optim": OPTIM, "global_batch": 8, "teacher": bodies.MODEL} | changes))


def following() -> DistillBody:
    """Of given texts, by a teacher whose weights are an average of the student's."""
    return given(teacher=FirstWeights(), follow=0.3)


def orpo() -> OrpoBody:
    return bodies.orpo(optim=OPTIM, global_batch=8, beta=0.5)


DPO_LOSSES = ("sigmoid", "ipo", "hinge", "sigmoid_norm", "apo_zero", "apo_down")


@pytest.mark.parametrize(
    "body",
    [
        sft(),
        *(grpo(loss=loss) for loss in ("grpo", "dapo", "dr_grpo")),
        *(dpo(loss=loss) for loss in DPO_LOSSES),
        orpo(),
        distill(),
        given(top_k=5, divergence=0.3),
        following(),
        dpo(loss="robust", trainer={"label_smoothing": 0.1, "ld_alpha": 0.5, "use_weighting": True}),
    ],
    ids=[
        "sft",
        "grpo",
        "dapo",
        "dr_grpo",
        *(f"dpo {loss}" for loss in DPO_LOSSES),
        "orpo",
        "distill",
        "distill of rows, the likeliest",
        "distill of a teacher that follows",
        "dpo with all settings",
    ],
)
def test_a_batch_split_otherwise_trains_the_same_weights_and_tells_the_same_of_them(
    make: Make, run_here: Run, small_model: Path, body: TrainBody
) -> None:
    folders = []
    for device, accumulation in SPLITS:
        name = f"{body.kind}-{device}-{accumulation}"
        folders.append(make(name, body, per_device_batch=device, accumulation=accumulation))
        trained(run_here(folders[-1]))
    whole, *others = folders
    assert moved(load_file(small_model / "model.safetensors"), small.weights(whole)) > LR
    for other in others:
        same_results(whole, other)


def trained(result: tuple[int, str, str]) -> str:
    """What a run told that has really been one: no result of another run was there to be taken."""
    code, out, err = result
    assert code == 0, err
    assert "trained" in out
    return out


def same_results(left: Path, right: Path) -> None:
    """Weights, log and metrics, up to rounding."""
    same_weights(small.weights(left), small.weights(right), lr=LR)
    for one, another in zip(small.log(left), small.log(right), strict=True):
        assert one == pytest.approx(another, rel=1e-4, abs=1e-6)
    assert small.metrics(left) == pytest.approx(small.metrics(right), rel=1e-4, abs=1e-6)


def interrupt() -> NoReturn:
    """Ctrl-C."""
    raise KeyboardInterrupt


@dataclass
class Steps(TrainerCallback):
    """Notes the steps that runs make, and gives Ctrl-C in one of them, before or after its checkpoint is written."""

    step: int = 0
    """The step in which the next run is stopped; 0 for none."""
    when: str = ""
    begun: list[int] = field(default_factory=list)

    def stop(self, step: int, when: str) -> None:
        """Stop the next run there."""
        self.step, self.when = step, when
        self.begun.clear()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.when == "before its checkpoint" and state.global_step == self.step:
            interrupt()

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.when == "after its checkpoint" and state.global_step == self.step:
            interrupt()
        self.begun.append(state.global_step + 1)


def half_written(trainer: Any, step: int) -> None:
    """Ctrl-C when weights and optimizer of a step's checkpoint are written, and its random numbers are not."""
    save = trainer._save_rng_state

    def saved(folder: str) -> None:
        if trainer.state.global_step == step:
            interrupt()
        save(folder)

    trainer._save_rng_state = saved


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """The steps of the runs of a test."""
    steps, train = Steps(), Trainer.train

    def noted(self: Any, *arguments: Any, **options: Any) -> Any:
        self.add_callback(steps)
        if steps.when == "in its checkpoint":
            half_written(self, steps.step)
        return train(self, *arguments, **options)

    monkeypatch.setattr(Trainer, "train", noted)
    return steps


IMITATING = grpo(all_failed="imitate", iterations=1)


STOPPED = {"sft": sft(), "grpo": grpo(), "imitating": IMITATING, "dpo": dpo(), "orpo": orpo(), "distill": distill()} | {
    "following": following()
}


@pytest.mark.parametrize("body", STOPPED.values(), ids=STOPPED)
def test_a_run_stopped_at_any_step_and_resumed_leaves_the_bytes_of_one_that_was_not(
    make: Make, run_here: Run, steps: Steps, body: TrainBody
) -> None:
    whole = make("whole", body, save_steps=1, per_device_batch=4, accumulation=2)
    trained(run_here(whole))
    last = steps.begun[-1]
    assert steps.begun == list(range(1, last + 1))
    assert last >= 2
    unit = trainer_of(body).batch(body).uses  # a checkpoint is taken when a generation is used up
    for step in range(1, last + 1):
        for when, saved in ("before its checkpoint", step - 1), ("after its checkpoint", step):
            if saved == last:
                continue
            folder = make(f"stopped-{step}-{when[:5]}", body, save_steps=1, per_device_batch=4, accumulation=2)
            steps.stop(step, when)
            assert run_here(folder)[0] == 130
            assert not (folder / "out").exists()
            assert steps.begun == list(range(1, step + 1))
            steps.stop(0, "")
            trained(run_here(folder))
            assert steps.begun == list(range(saved - saved % unit + 1, last + 1))
            assert contents(folder / "out") == contents(whole / "out"), f"stopped in step {step}, {when}"


def test_a_checkpoint_that_was_being_written_is_not_gone_on_from(
    make: Make, run_here: Run, steps: Steps, tmp_path: Path
) -> None:
    whole = make("whole", sft(), save_steps=1)
    trained(run_here(whole))
    folder = make("stopped", sft(), save_steps=1)
    steps.stop(2, "in its checkpoint")
    assert run_here(folder)[0] == 130
    written = {path.name: path for path in tmp_path.glob(".cotspec/scratch/*/trainer/checkpoint-*")}
    assert [(written[name] / MARK).exists() for name in ("checkpoint-1", "checkpoint-2")] == [True, False]
    assert (written["checkpoint-2"] / "model.safetensors").exists()
    steps.stop(0, "")
    trained(run_here(folder))
    assert steps.begun == [2, 3]
    assert contents(folder / "out") == contents(whole / "out")
