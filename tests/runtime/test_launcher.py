"""Processes that fail: what a person is told, how soon, and what the next run makes of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import bodies
import pytest
import small
from conftest import contents, environment, lay_out, recorded, settings, write_lines

pytest.importorskip("accelerate", reason="launching needs the `train` extra")

from cotspec.back import accelerate
from cotspec.back.rendering import render, yaml_mapping
from cotspec.ir.plan import Launch

SOON = 60.0
"""Seconds: torchrun looks several times a second, and gives the others half a minute to end."""


def launch_files(folder: Path, processes: int) -> None:
    """What a build writes beside run.json."""
    given = settings(processes=processes)
    launch = Launch(launcher="accelerate", settings=given, strategy="ddp", precision="fp32")
    (folder / "accelerate.yaml").write_text(yaml_mapping(accelerate.config(launch)))
    (folder / "launch.sh").write_text(
        render("launch-accelerate.sh.jinja", {"id": folder.name, "nodes": 1, "server": False})
    )


FAILING = """
import os, signal, sys, time
from cotspec.runtime.launcher import leave
if os.environ["RANK"] == "0":
    time.sleep(300)
if {why!r} == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
leave({why!r})
sys.exit(2)
"""


@pytest.mark.slow  # processes that import accelerate
@pytest.mark.parametrize(
    ("why", "code", "told"),
    [
        ("no room", 2, "cotspec: process 1: no room\n"),
        ("killed", 137, "cotspec: process 1 was ended by SIGKILL (most often for want of memory: see "),
    ],
    ids=["one has a reason", "one is killed"],
)
def test_one_process_that_fails_ends_all_and_is_told_in_one_line(
    tmp_path: Path, why: str, code: int, told: str
) -> None:
    launch_files(tmp_path, 2)
    (tmp_path / "work.py").write_text(FAILING.format(why=why))
    command = [sys.executable, "-m", "cotspec.runtime.launcher", "--quiet", "--config_file", "accelerate.yaml"]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "work.py"], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=300
    )
    assert time.monotonic() - began < SOON
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1


def start(folder: Path) -> subprocess.Popen[str]:
    recorded(folder)
    pipe = subprocess.PIPE
    environ = environment(COTSPEC_PYTHON=sys.executable)
    return subprocess.Popen(["bash", "launch.sh"], cwd=folder, env=environ, stdout=pipe, stderr=pipe, text=True)


def second_of(launched: int) -> int:
    """The process of rank 1 below a launch.sh."""
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            found = place.read_bytes().split(b"\0")
        except OSError:  # another user's, or gone
            continue
        if b"RANK=1" in found and f"COTSPEC_SUPERVISED={launched}".encode() in found:
            return int(place.parent.name)
    raise AssertionError("there is no second process")


def loads_torch(launched: int) -> bool:
    """Whether a process below a launch.sh has come as far as torch's libraries."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            below = f"COTSPEC_SUPERVISED={launched}".encode() in (place / "environ").read_bytes().split(b"\0")
            if below and "libtorch" in (place / "maps").read_text():
                return True
        except OSError:  # another user's, or gone
            continue
    return False


INTERRUPTED = re.compile(r"loading torch and transformers\n(?:.*\n)*?cotspec: interrupted; a rerun goes on from here\n")
"""All that a terminal shows."""


@pytest.mark.slow  # processes that import torch
@pytest.mark.parametrize(
    ("processes", "after"),
    [
        pytest.param(1, "loading torch", id="while it is loaded"),
        pytest.param(1, "training 0/", id="while it trains"),
        pytest.param(2, "training 0/", id="while two train", marks=pytest.mark.long),
    ],
)
def test_ctrl_c_which_a_terminal_sends_to_all_is_told_in_one_line(
    tmp_path: Path, small_model: Path, processes: int, after: str
) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", small.sft_rows(4000))
    batch = {"processes": processes, "per_device_batch": 2, "accumulation": 2 // processes}
    stage = lay_out(tmp_path, "sft", bodies.sft(), {"rows": rows, "model": small_model}, **batch)
    launch_files(stage, processes)
    run = subprocess.Popen(
        ["bash", "launch.sh"],
        cwd=stage,
        env=environment(COTSPEC_PYTHON=sys.executable),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    shown = ""
    while after not in shown:
        line = run.stdout.readline()
        assert line, shown
        shown += line
    while "training" not in after and not loads_torch(run.pid):
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)
    shown += run.communicate(timeout=120)[0]
    assert run.returncode == 130, shown
    assert INTERRUPTED.fullmatch(shown), shown
    assert "Traceback" not in shown


@pytest.mark.long
def test_a_run_of_two_processes_of_which_one_was_killed_goes_on_to_the_same_bytes(
    tmp_path: Path, small_model: Path
) -> None:
    two = {"processes": 2, "per_device_batch": 2, "accumulation": 2, "save_steps": 1}
    body = bodies.grpo(iterations=1)
    folders = []
    for name in ("whole", "killed"):
        rows = write_lines(tmp_path / f"{name}.jsonl", small.grpo_rows(24))
        folders.append(lay_out(tmp_path / name, "grpo", body, {"rows": rows, "model": small_model}, **two))
        launch_files(folders[-1], 2)
    whole, killed = folders
    done = start(whole)
    _, err = done.communicate(timeout=300)
    assert done.returncode == 0, err

    run = start(killed)
    scratch = killed.parents[2] / ".cotspec/scratch"
    deadline = time.monotonic() + 200
    while not list(scratch.glob("*/trainer/checkpoint-*/complete")):
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    began = time.monotonic()
    os.kill(second_of(run.pid), signal.SIGKILL)
    _, err = run.communicate(timeout=300)
    assert time.monotonic() - began < SOON
    assert run.returncode == 137
    assert re.search(r"^cotspec: process 1 was ended by SIGKILL .*; a rerun goes on from here$", err, re.M)
    assert "Traceback" not in err
    assert not (killed / "out").exists()

    again = start(killed)
    out, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    assert "training: resuming after step" in out
    assert contents(killed / "out") == contents(whole / "out")
