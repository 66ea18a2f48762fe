"""A checkpoint is resumed from when every byte is as it was written; a run that diverges stops and leaves none."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.runtime import bodies
from tests.runtime.conftest import Run, Stage, contents, start, write_lines


def sft(stage: Stage, tmp_path: Path, model: Path, name: str, **changes: object) -> Path:
    rows = write_lines(tmp_path / "rows.jsonl", bodies.sft_rows(48))
    return stage(name, bodies.sft(**changes), {"rows": rows, "model": model}, save_steps=1)


def killed_after_two(folder: Path, tmp_path: Path) -> Path:
    """Start the task and SIGKILL it when two checkpoints are whole; the folder they are in."""
    process = start(folder)
    until = time.monotonic() + 200
    scratch = tmp_path / ".cotspec/scratch"
    while len(list(scratch.glob("*/trainer/checkpoint-*/complete"))) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (trainer,) = scratch.glob("*/trainer")
    return trainer


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


HARM: dict[str, Callable[[Path], object]] = {
    "flipped-weights": lambda folder: flip(folder / "model.safetensors"),
    "flipped-optimizer": lambda folder: flip(folder / "optimizer.pt"),
    "cut-weights": lambda folder: (folder / "model.safetensors").write_bytes(b"x"),
    "lost-optimizer": lambda folder: (folder / "optimizer.pt").unlink(),
    "lost-generator": lambda folder: (folder / "rng_state.pth").unlink(),
    "half-a-mark": lambda folder: (folder / "complete").write_text("{"),
    "no-mark": lambda folder: (folder / "complete").unlink(),
}


def test_a_damaged_checkpoint_is_passed_over_for_an_older_whole_one(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    """Each kind of damage on the same killed run, which then ends with the bytes of one that was never stopped."""
    whole = sft(stage, tmp_path, tiny_model, "sft-a")
    assert run_here(whole)[0] == 0
    killed = sft(stage, tmp_path, tiny_model, "sft-b")
    trainer = killed_after_two(killed, tmp_path)
    work = trainer.parent
    shutil.copytree(work, tmp_path / "copy")
    for name, harm in HARM.items():
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(tmp_path / "copy", work)
        newest = max(
            (each.parent for each in trainer.glob("checkpoint-*/complete")), key=lambda each: int(each.name[11:])
        )
        harm(newest)
        code, out, err = run_here(killed)
        assert code == 0, (name, err)
        assert f"resuming after step {int(newest.name[11:]) - 1}" in out, name
        assert ("was damaged after it was written" in out) == (name != "no-mark"), name
        assert contents(killed / "out") == contents(whole / "out"), name


def test_when_no_checkpoint_is_whole_training_begins_anew_and_says_so(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    whole = sft(stage, tmp_path, tiny_model, "sft-a")
    assert run_here(whole)[0] == 0
    killed = sft(stage, tmp_path, tiny_model, "sft-b")
    trainer = killed_after_two(killed, tmp_path)
    for folder in trainer.glob("checkpoint-*"):
        flip(folder / "optimizer.pt")
    code, out, err = run_here(killed)
    assert code == 0, err
    assert "was damaged after it was written" in out
    assert "resuming" not in out
    assert contents(killed / "out") == contents(whole / "out")


def test_a_loss_that_is_no_number_stops_the_run_and_is_never_resumed(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    body = {"optim": bodies.OPTIM.model_copy(update={"lr": 1e30, "warmup_steps": 0, "schedule": "constant"})}
    folder = sft(stage, tmp_path, tiny_model, "sft-a", **body)
    code, out, err = run_here(folder)
    assert code == 2
    assert "training stopped at step 2 of 12" in err
    assert "lower `lr`" in err
    assert not (folder / "out").exists()
    saved = list((tmp_path / ".cotspec/scratch").glob("*/trainer/checkpoint-*/complete"))
    assert [each.parent.name for each in saved] == ["checkpoint-1"]
    again, out, err_again = run_here(folder)
    assert (again, err_again) == (2, err)
    assert "resuming after step 1" in out
