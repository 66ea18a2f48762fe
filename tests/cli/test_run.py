"""What `cotspec run` refuses before anything starts. That it runs, and what comes out: tests/e2e, test_parallel.py."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cotspec import parallel
from cotspec.cli import ready
from tests.fuzz.finished import finished, lock
from tests.support import Run

pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")


def test_what_is_not_built_as_the_spec_has_it_is_not_run(project: Path, run: Run) -> None:
    assert run("build")[0] == 0
    spec = project / "specs/one.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("epochs: 5", "epochs: 6"), encoding="utf-8")
    code, out, err = run("run")
    assert (code, out) == (2, "")
    told = "cotspec: rows of stage structure of bridge-tiny: what is built is not what the spec says now; run "
    assert err == f"{told}`cotspec build`\n"


def test_what_was_never_built_is_not_run_and_the_build_is_named(project: Path, run: Run) -> None:
    assert run("build")[0] == 0
    (project / "specs/new.yaml").write_text("extends: one.yaml\nname: new\nseed: 7\n", encoding="utf-8")
    code, out, err = run("run", "specs/new.yaml")
    assert (code, out) == (2, "")
    assert "of new: what is built is not what the spec says now; run `cotspec build specs/new.yaml`, with the" in err
    assert run("build", "specs/new.yaml")[0] == 0


def test_without_the_gpu_that_a_spec_asks_for_nothing_starts_and_dvc_says_the_same(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="the preflight asks torch for GPUs, which is of the `train` extra")
    if list(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("this machine has a GPU")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    spec = project / "specs/one.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("gpus: 0", "gpus: 1"), encoding="utf-8")
    subprocess.run([*ready.dvc("")[:4], "init", "-q"], check=True)
    assert run("build")[0] == 0
    told = (
        " needs a GPU and none can be seen on this machine (there are 8 more such tasks): write `gpus: 0` under "
        "`resources` and build again, or run it where there are (docs/running.md, Clusters and clouds)\n"
    )
    assert run("run") == (2, "", f"cotspec: generation teach of bridge-tiny{told}")
    done = subprocess.run([*ready.dvc("")[:4], "repro"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.startswith("cotspec: teach-")
    assert told in done.stderr
    assert not list(project.glob("generated/*/*/out"))
    # A GPU that the environment names and torch does not see: the preflight finds it, the first task of all.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    code, out, err = run("run")
    assert code == 1
    assert told in err
    assert re.search(r"not run data train of bridge-tiny, .* and 19 more: they need a task that failed\n", out)
    assert not list(project.glob("generated/*/*/out"))


def test_a_module_that_lies_in_the_project_is_not_imported(project: Path, run: Run) -> None:
    for name in ("dvc", "json", "random"):
        (project / f"{name}.py").write_text("raise SystemExit('a file of the project ran')", encoding="utf-8")
    commands = (ready.dvc("--help"), (*parallel.SUPERVISED, sys.executable, "-P", "-c", "print('usage:')"))
    for command in commands:
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        assert "usage:" in done.stdout, done.stderr


def test_where_all_is_done_it_says_that_there_is_nothing_to_run(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = finished(tmp_path)
    for out in tmp_path.glob("generated/stages/grpo-*/out"):
        (out / "samples.jsonl").touch()
    lock(tmp_path, plan)
    (tmp_path / "dvc.yaml").unlink()  # nor anything to record
    (tmp_path / ".dvc/tmp/rwlock").unlink()
    code, out, err = run("run")
    assert code == 0, err
    assert out.startswith(f"nothing to run, {len(plan.tasks) + len(plan.reports)} tasks are up to date\n")


REMOTE = "[core]\n    remote = store\n['remote \"store\"']\n    url = /nowhere/store\n"


def test_a_remote_that_is_gone_is_told_in_one_line_of_ours_and_dvcs_words_are_in_a_log(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lock(tmp_path, finished(tmp_path))
    (tmp_path / ".git").rmdir()
    subprocess.run(["git", "init", "-q"], check=True)
    (tmp_path / ".dvc/tmp/rwlock").unlink()
    shutil.rmtree(tmp_path / ".dvc/cache")
    for out in [*(tmp_path / "generated").rglob("out")]:
        shutil.rmtree(out)
    for config, told in (
        ("", "there is no DVC remote, `dvc remote add"),
        (REMOTE, "cannot be reached (`dvc remote list` says where it is), or lacks some"),
    ):
        (tmp_path / ".dvc/config").write_text(config, encoding="utf-8")
        code, _, err = run("run", "--pull")
        assert code == 2
        assert err.startswith("cotspec: not all results came: ")
        assert err.count("\n") == 1
        assert told in err
        assert "failed to pull data" in (tmp_path / ".cotspec/logs/pull.log").read_text(encoding="utf-8")


HOLDER = """
import sys, time
from pathlib import Path
from cotspec.cli import run_lock
with run_lock.held(Path(sys.argv[1]), wait=True):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_run_says_who_is_at_work_and_waits_or_stops(project: Path) -> None:
    """Real processes; the first is killed, and its lock with it."""
    subprocess.run([sys.executable, "-m", "cotspec", "build"], check=True, capture_output=True)
    first = subprocess.Popen([sys.executable, "-c", HOLDER, str(project)], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    told = f"another `cotspec run` (pid {first.pid}) is at work in this project"
    run = [sys.executable, "-m", "cotspec", "run"]
    stopped = subprocess.run([*run, "--no-wait"], capture_output=True, text=True, check=False)
    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (2, "", f"cotspec: {told}\n")
    second = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert second.stderr is not None
    assert second.stderr.readline() == f"{told}: waiting for it to end (--no-wait stops instead)\n"
    assert second.poll() is None
    first.kill()
    first.wait()
    assert second.stdout is not None
    assert second.stdout.readline().startswith("[0/"), "it goes on when the first has ended"
    os.kill(second.pid, signal.SIGTERM)
    second.communicate(timeout=60)
