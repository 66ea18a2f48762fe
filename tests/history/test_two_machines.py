"""What one machine began, another finishes: two clones of a project and a DVC remote on a web server, real DVC and git;
nothing is run twice and nothing is missing, also when transfers break off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")
pytest.importorskip("dvc_http", reason="DVC's http remotes (dvc-http) are not installed")

from .projects import build, dvc, stand_in
from .store import served

KILLED = """
import os, signal, sys
from dvc.cli import main
from dvc.repo import Repo
from dvc_data.index import DataIndex

Repo().drop_data_index()
write = DataIndex.__setitem__

def written(self, key, entry, *, seen=[]):
    write(self, key, entry)
    seen += [key] if key[0] == "fetch" else []
    if len(seen) == 5:
        os.kill(os.getpid(), signal.SIGKILL)

DataIndex.__setitem__ = written
main(["pull", *sys.argv[1:]])
"""
"""`dvc pull` that is killed while it writes the list of what it is to fetch, which the next one would go by."""
LAST = "sft"
"""The kind of task up to which the first machine comes."""


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def cotspec(*arguments: str, expected: int = 0) -> tuple[str, str]:
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "0"}  # for `resources`; what stands in for tasks uses none
    command = [sys.executable, "-m", "cotspec", *arguments, "specs/one.yaml"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout, done.stderr


def results(root: Path) -> dict[str, str]:
    """All results of a machine."""
    files = (path for path in root.glob("generated/stages/*/out/**/*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_text() for path in files}


@pytest.mark.long
def test_a_run_goes_on_on_another_machine_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "specs").mkdir(parents=True)
    monkeypatch.chdir(first)
    git("init", "-q")
    dvc("init")
    with served(tmp_path / "store") as store:
        dvc("remote", "add", "-d", "store", store.url)
        dvc("remote", "modify", "store", "method", "PUT")
        built = build()
        assert built.plan is not None
        stand_in(built)
        (begun,) = (task.id for task in built.plan.tasks if task.id.startswith(LAST))
        dvc("repro", f"generated/stages/{begun}/dvc.yaml")
        git("add", "-A")
        git("commit", "-qm", "begun")
        store.breaks = {"PUT": 30}
        dvc("push", "-j", "2", expected=1)
        store.breaks = {}
        dvc("push")

        git("clone", "-q", str(first), str(second))
        monkeypatch.chdir(second)
        planned = json.loads(cotspec("plan", "--format", "json", expected=2)[0])
        elsewhere = [task["id"] for task in planned["tasks"] if task["elsewhere"]]
        assert begun in elsewhere
        assert len(elsewhere) == 5
        assert planned["counts"]["reuse"] == 0
        store.seen, store.breaks = {}, {"GET": 12}
        _, said = cotspec("run", "--pull", expected=2)
        assert said.startswith("cotspec: not all results came")
        store.breaks = {}
        targets = [f"generated/{name}/dvc.yaml" for name in (*(f"stages/{id}" for id in elsewhere), "preflight")]
        environment = os.environ | {"DVC_NO_ANALYTICS": "1"}
        assert subprocess.run([sys.executable, "-c", KILLED, *targets], env=environment).returncode == -signal.SIGKILL
        out, _ = cotspec("run", "--pull", "-j", "2")
        left = len(planned["tasks"]) - len(elsewhere)
        assert f"{left} of {left} tasks run, {len(elsewhere)} were up to date" in out
        made = results(second)
        assert {name: made[name] for name in results(first)} == results(first)
        for id in elsewhere:
            assert git("diff", "--name-only", f"generated/stages/{id}") == ""
        git("add", "-A")
        git("commit", "-qm", "finished")
        dvc("push")

        monkeypatch.chdir(first)
        git("pull", "-q", str(second))
        out, _ = cotspec("run", "--pull")
        assert f"nothing to run, {len(planned['tasks'])} tasks are up to date" in out
        assert results(first) == made
        assert cotspec("plan")[0].splitlines()[-1].startswith("0 to run")
