"""How a batch is split, and where a run is stopped, changes nothing that was asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import bodies
import pytest
import small
from conftest import Run, Stage, contents, environment, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

from reference.compare import moved, same_weights
from safetensors.torch import load_file
from transformers import Trainer, TrainerCallback

from cotspec.runtime.train.checkpoint import MARK
from cotspec.spec.payload import Best, GrpoBody, Ramp, Reward, RewardTerm, SftBody

LR = 5e-3
SHORT = Reward(
    gates=(), let=(), terms=(RewardTerm(name="short", value="-0.1 * tokens", weight=Ramp(first=1.0, last=0.5)),)
)
OPTIM = bodies.OPTIM.model_copy(update={"lr": LR, "warmup_steps": 0})
SPLITS = ((8, 1), (4, 2), (2, 4))
Make = Callable[..., Path]


@pytest.fixture
def make(stage: Stage, tmp_path: Path, small_model: Path) -> Make:
    """A stage of the small model with batches of 8, sft on 18 rows or grpo on 4."""

    def call(name: str, body: SftBody | GrpoBody, **settings: Any) -> Path:
        rows = small.grpo_rows(4) if isinstance(body, GrpoBody) else small.sft_rows(18)
        files = {"rows": write_lines(tmp_path / f"{name}.jsonl", rows), "model": small_model}
        return stage(name, body, files, **({"per_device_batch": 8} | settings))

    return call


def sft() -> SftBody:
    return bodies.sft(optim=OPTIM, global_batch=8, keep=Best(metric="train.loss", every=2))


def grpo(**changes: Any) -> GrpoBody:
    values = {"optim": OPTIM, "reward": SHORT, "iterations": 2, "mask_truncated": True, "beta": 0.1}
    return bodies.grpo(**(values | changes))


@pytest.mark.parametrize(
    "body",
    [sft(), *(grpo(loss=loss) for loss in ("grpo", "dapo", "dr_grpo"))],
    ids=["sft", "grpo", "dapo", "dr_grpo"],
)
def test_a_batch_split_otherwise_trains_the_same_weights_and_tells_the_same_of_them(
    make: Make, run_here: Run, small_model: Path, body: SftBody | GrpoBody
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


@pytest.mark.slow  # two more processes that import TRL
def test_two_processes_train_the_same_weights_also_of_a_last_batch_that_is_not_full(make: Make, run_here: Run) -> None:
    alone = make("alone", sft())
    trained(run_here(alone))
    both = make("both", sft(), processes=2, per_device_batch=2, accumulation=2)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]
    command = [*launch, "cotspec.runtime", "payload.json", "run.json"]
    done = subprocess.run(command, cwd=both, env=environment(), capture_output=True, text=True, timeout=300)
    trained((done.returncode, done.stdout, done.stderr))
    same_results(alone, both)


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


class Stop(TrainerCallback):
    """Ctrl-C in a step, before or after its checkpoint is written."""

    def __init__(self, step: int, when: str) -> None:
        self._step, self._when = step, when

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._when == "before its checkpoint" and state.global_step == self._step:
            interrupt()

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._when == "after its checkpoint" and state.global_step == self._step:
            interrupt()


def half_written(trainer: Any, step: int) -> None:
    """Ctrl-C when weights and optimizer of a step's checkpoint are written, and its random numbers are not."""
    save = trainer._save_rng_state

    def saved(folder: str) -> None:
        if trainer.state.global_step == step:
            interrupt()
        save(folder)

    trainer._save_rng_state = saved


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, str], None]]:
    """Sets where the next run is stopped."""
    places: list[tuple[int, str]] = []
    train = Trainer.train

    def stopped(self: Any, *arguments: Any, **options: Any) -> Any:
        if places:
            step, when = places.pop()
            self.add_callback(Stop(step, when))
            if when == "in its checkpoint":
                half_written(self, step)
        return train(self, *arguments, **options)

    monkeypatch.setattr(Trainer, "train", stopped)
    return lambda step, when: places.append((step, when))


@pytest.mark.parametrize("body", [sft(), grpo()], ids=["sft", "grpo"])
def test_a_run_stopped_at_any_step_and_resumed_leaves_the_bytes_of_one_that_was_not(
    make: Make, run_here: Run, stop: Callable[[int, str], None], body: SftBody | GrpoBody
) -> None:
    whole = make("whole", body, save_steps=1, per_device_batch=4, accumulation=2)
    trained(run_here(whole))
    steps = len(small.log(whole))
    assert steps >= 3
    places = [(step, when) for step in range(1, steps) for when in ("before its checkpoint", "after its checkpoint")]
    for step, when in [*places, (steps, "before its checkpoint")]:
        folder = make(
            f"stopped-{step}-{when.partition(' ')[0]}", body, save_steps=1, per_device_batch=4, accumulation=2
        )
        stop(step, when)
        assert run_here(folder)[0] == 130
        assert not (folder / "out").exists()
        trained(run_here(folder))
        assert contents(folder / "out") == contents(whole / "out"), f"stopped in step {step}, {when}"


def test_a_checkpoint_that_was_being_written_is_not_gone_on_from(
    make: Make, run_here: Run, stop: Callable[[int, str], None], tmp_path: Path
) -> None:
    whole = make("whole", sft(), save_steps=1)
    trained(run_here(whole))
    folder = make("stopped", sft(), save_steps=1)
    stop(2, "in its checkpoint")
    assert run_here(folder)[0] == 130
    written = {path.name: path for path in tmp_path.glob(".cotspec/scratch/*/trainer/checkpoint-*")}
    assert [(written[name] / MARK).exists() for name in ("checkpoint-1", "checkpoint-2")] == [True, False]
    assert (written["checkpoint-2"] / "model.safetensors").exists()
    assert "resuming after step 1\n" in trained(run_here(folder))
    assert contents(folder / "out") == contents(whole / "out")
