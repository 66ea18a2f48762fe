"""A project whose teacher and questions are on a hub: locked, built and run, with a real client, transformers and
datasets, against a hub on 127.0.0.1 that has the builtin models.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cotspec.builtin.digest import MODELS
from tests.hub.server import Hub, serve

pytest.importorskip("transformers", reason="loading models needs the `train` extra")
pytest.importorskip("datasets", reason="loading data sets needs the `train` extra")

SPEC = """\
cotspec: 2
name: example
models:
  base: {builtin: tiny-student}
  tutor: {hub: lab/tutor}
data:
  train: {hub: lab/sums, split: train}
  test: {builtin: chains, split: test, size: 3}
generate: {teach: {by: tutor, over: train, prompt: ask.jinja, sampling: {temperature: 0, max_new_tokens: 6}}}
stages:
  first: {start: base, train: {by: sft, lr: 1e-4}, rows: {from: teach}, task: solve}
evaluate: {data: test, of: [base, first], sampling: {temperature: 0, max_new_tokens: 6}}
resources: {train: {gpus: 0}, generate: {gpus: 0}}
"""


def model(name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (MODELS / name).iterdir()}


def sums(first: int) -> dict[str, bytes]:
    rows = [{"question": f"What is {k} plus 1?", "answer": str(k + 1)} for k in range(first, first + 3)]
    return {"README.md": b"# sums\n", "train.jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode()}


@dataclass
class Project:
    """A project and the machine it runs on: a hub it is told of, and a cache of its own."""

    folder: Path
    hub: Hub
    offline: bool = False
    said: str = ""
    """What the last task printed."""

    def call(self, *command: str, cwd: Path | None = None) -> tuple[int, str, str]:
        named = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        named |= {"HF_ENDPOINT": self.hub.url, "HF_HOME": str(self.folder.parent / "cache"), "OMP_NUM_THREADS": "1"}
        named |= {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1" if self.offline else "0"}
        arguments = [sys.executable, "-m", *command]
        done = subprocess.run(
            arguments, cwd=cwd or self.folder, env=named, capture_output=True, text=True, timeout=300, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def cotspec(self, *arguments: str) -> str:
        code, out, err = self.call("cotspec", *arguments)
        assert code == 0, err
        return out

    def task(self, kind: str, hub: str = "") -> Path:
        """The folder of the task of this kind, the one that reads `hub` where there are several."""
        files = self.folder.glob(f"generated/stages/{kind}-*/payload.json")
        (found,) = (file.parent for file in files if hub in file.read_text(encoding="utf-8"))
        return found

    def run(self, folder: Path) -> tuple[int, str, str]:
        return self.call("cotspec.runtime", "payload.json", "run.json", cwd=folder)

    def rows(self, folder: Path, file: str) -> list[dict[str, Any]]:
        code, self.said, err = self.run(folder)
        assert (code, err) == (0, "")
        return [json.loads(line) for line in (folder / "out" / file).read_text(encoding="utf-8").splitlines()]

    def questions(self) -> list[str]:
        return [row["question"] for row in self.rows(self.task("data", "lab/sums"), "problems.jsonl")]

    def texts(self) -> list[str]:
        return [row["text"] for row in self.rows(self.task("teach"), "rollouts.jsonl")]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "project"
    (folder / "specs").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "specs/a.yaml").write_text(SPEC, encoding="utf-8")
    # The prompt that builtin models know: without it both of the hub's begin alike.
    (folder / "specs/ask.jinja").write_text("Question: {{ question }}\nSolution:", encoding="utf-8")
    with serve() as hub:
        hub.model("lab/tutor").push({**model("tiny-student"), "onnx/model.onnx": b"0" * 999})
        hub.data("lab/sums").push(sums(0))
        yield Project(folder, hub)


@pytest.mark.slow
def test_a_build_runs_the_commits_it_was_locked_at_with_a_moved_branch_and_without_a_network(project: Project) -> None:
    hub, lock = project.hub, project.folder / "cotspec.lock"
    project.cotspec("lock")
    first = lock.read_text(encoding="utf-8")
    project.cotspec("build")
    old = {project.task("data", "lab/sums"), project.task("teach")}

    # The branches move before anything was fetched: the old commits are run all the same.
    tutor = hub.model("lab/tutor").refs["main"]
    hub.model("lab/tutor").push(model("tiny-teacher"))
    hub.data("lab/sums").push(sums(50))
    assert project.questions() == [f"What is {k} plus 1?" for k in range(3)]
    of_student = project.texts()
    assert f"model: lab/tutor ({tutor})" in project.said
    assert [line for line in hub.asked if "onnx" in line] == []

    # An upgrade makes other tasks, which run the new commits.
    project.cotspec("lock", "--upgrade")
    project.cotspec("build")
    assert not old & {project.task("data", "lab/sums"), project.task("teach")}
    assert project.questions() == [f"What is {k} plus 1?" for k in range(50, 53)]
    assert project.texts() != of_student

    # The old lock again, offline: what it names is used, and not what was fetched last.
    lock.write_text(first, encoding="utf-8")
    project.offline = True
    project.cotspec("build")
    hub.asked.clear()
    assert old == {project.task("data", "lab/sums"), project.task("teach")}
    assert project.questions() == [f"What is {k} plus 1?" for k in range(3)]
    assert hub.asked == []


@pytest.mark.slow
def test_a_hub_that_sends_another_commit_than_asked_is_refused_and_leaves_nothing(project: Project) -> None:
    project.cotspec("lock")
    project.cotspec("build")
    repo, task = project.hub.data("lab/sums"), project.task("data", "lab/sums")
    wanted = repo.refs["main"]
    repo.lie = repo.push(sums(50))
    code, out, err = project.run(task)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"the hub sent files of another commit than {wanted} of the data set `lab/sums`" in err
    assert not (task / "out").exists()
    repo.lie = ""  # nothing of what it sent is taken for the right one later
    assert project.questions() == [f"What is {k} plus 1?" for k in range(3)]
