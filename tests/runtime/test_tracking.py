"""Trackers: what training sends them stays here, and changes nothing that training leaves.

Each runs where its library is installed. `pip install tensorboard trackio wandb mlflow` into a folder of its own, and
`COTSPEC_TRACKERS=…/site-packages pytest tests/runtime/test_tracking.py` runs them all.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import bodies
import pytest
import small
from conftest import Run, Stage, contents, environment, recorded, write_lines

from cotspec.spec.payload import PreflightBody

ELSEWHERE = os.environ.get("COTSPEC_TRACKERS", "")
FIELDS = {"run.track", "run.track_project", "preflight.trackers"}
"""Those that these tests show to arrive."""
TRACKERS = ("tensorboard", "trackio", "wandb", "mlflow")


def installed(tracker: str) -> bool:
    code = f"import importlib.util as i, sys; sys.exit(i.find_spec({tracker!r}) is None)"
    return subprocess.run([sys.executable, "-c", code], env=_environment(), check=False).returncode == 0


def _environment(**more: str) -> dict[str, str]:
    return environment(PYTHONPATH=os.pathsep.join(filter(None, (*sys.path, ELSEWHERE))), **more)


def test_a_tracker_that_is_not_installed_is_one_line_before_anything_runs(stage: Stage, run_here: Run) -> None:
    code, _, err = run_here(stage("preflight", PreflightBody(demands=(), trackers=("never-made",))))
    assert (code, err) == (
        2,
        "cotspec: `track: never-made` needs never-made: pip install never-made, or leave `track` out of `resources`\n",
    )


@pytest.fixture(scope="module")
def plain() -> dict[str, dict[str, bytes]]:
    return {}


@pytest.mark.parametrize("tracker", TRACKERS)
def test_what_a_tracker_is_sent_lies_here_and_the_result_has_the_same_bytes(
    tracker: str, stage: Stage, tmp_path: Path, small_model: Path, plain: dict[str, dict[str, bytes]]
) -> None:
    pytest.importorskip("trl", reason="training tests need the `train` extra")
    if not installed(tracker):
        pytest.skip(f"{tracker} is not installed (this file says how to run with it)")
    rows = write_lines(tmp_path / "rows.jsonl", small.sft_rows(16))
    body = bodies.sft(optim=bodies.OPTIM.model_copy(update={"warmup_steps": 0}), global_batch=8)

    def train(name: str, **settings: Any) -> dict[str, bytes]:
        folder = stage(name, body, {"rows": rows, "model": small_model}, per_device_batch=8, **settings)
        recorded(folder)
        command = [sys.executable, "-m", "cotspec.runtime", "payload.json", "run.json"]
        done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert {path.name for path in folder.iterdir()} <= {
            *("payload.json", "run.json", "out", "last-run.json", "provenance.json"),
        }
        return contents(folder / "out")

    if not plain:
        plain.update(out=train("sft-plain"))
    assert train("sft-tracked", track=tracker, track_project="trial") == plain["out"]
    SENT[tracker](tmp_path / ".cotspec/track" / tracker)


def _tensorboard(folder: Path) -> None:
    (run,) = folder.iterdir()
    assert run.name.startswith("sft-")
    (events,) = run.glob("events.out.*")
    assert b"train/loss" in events.read_bytes()


def _trackio(folder: Path) -> None:
    with sqlite3.connect(folder / "trial.db") as base:
        assert base.execute("select count(*) from metrics where cast(metrics as text) like '%loss%'").fetchone()[0] >= 2


def _wandb(folder: Path) -> None:
    (run,) = (folder / "wandb").glob("offline-run-*")
    (file,) = run.glob("run-*.wandb")
    assert b"train/loss" in file.read_bytes()


def _mlflow(folder: Path) -> None:
    with sqlite3.connect(folder / "mlflow.db") as base:
        assert base.execute("select count(*) from metrics where key = 'loss'").fetchone()[0] >= 2
        assert ("trial",) in base.execute("select name from experiments").fetchall()


SENT = {"tensorboard": _tensorboard, "trackio": _trackio, "wandb": _wandb, "mlflow": _mlflow}
