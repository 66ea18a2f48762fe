"""What a task computed is not lost between its end and DVC's commit, and is never filed under another task's id."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cotspec.runtime import kept, scratch
from cotspec.runtime.__main__ import main
from cotspec.spec.artifact_names import folder_digest
from cotspec.spec.payload import BuiltinData, DataBody, FileData, Range
from tests.runtime.conftest import Stage, contents, environment, write_lines

WHOLE = Range(first=0, end=-1)
CHAINS = DataBody(source=BuiltinData(name="chains", split="train", size=5, seed=0, steps=(2, 3)), slice=WHOLE)


def work_of(folder: Path) -> Path:
    (work,) = (folder.parents[2] / ".cotspec/scratch").iterdir()
    return work


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[Path], tuple[int, str]]:
    """The runtime in this process, with what earlier runs kept. Exit code and all it printed."""

    def call(folder: Path) -> tuple[int, str]:
        monkeypatch.chdir(folder)
        code = main(["payload.json", "run.json"])
        out, err = capsys.readouterr()
        return code, out + err

    return call


def test_a_result_that_dvc_did_not_record_is_taken_and_not_computed_again(
    stage: Stage, again: Callable[[Path], tuple[int, str]]
) -> None:
    folder = stage("data-1", CHAINS)
    assert again(folder)[0] == 0
    made = contents(folder / "out")
    shutil.rmtree(folder / "out")  # as DVC does before a run
    code, said = again(folder)
    assert (code, contents(folder / "out")) == (0, made)
    assert "which DVC had not recorded, is whole and is taken" in said


@pytest.mark.parametrize("harm", ["flip", "cut", "lose", "add", "mark"])
def test_a_kept_result_that_is_not_whole_is_computed_again(
    stage: Stage, again: Callable[[Path], tuple[int, str]], harm: str
) -> None:
    folder = stage("data-1", CHAINS)
    assert again(folder)[0] == 0
    made = contents(folder / "out")
    shutil.rmtree(folder / "out")
    work = work_of(folder)
    file = work / "kept/problems.jsonl"
    match harm:
        case "flip":
            file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
        case "cut":
            file.write_bytes(file.read_bytes()[:-1])
        case "lose":
            file.unlink()
        case "add":
            (work / "kept/more").touch()
        case "mark":
            (work / "kept.json").write_text("{")
    code, said = again(folder)
    assert (code, contents(folder / "out")) == (0, made)
    assert "is taken" not in said


def test_an_input_that_changes_while_it_is_read_stops_the_task(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: Callable[[Path], tuple[int, str]]
) -> None:
    file = write_lines(tmp_path / "d.jsonl", [{"q": "x", "a": "1"}])
    body = DataBody(source=FileData(question="q", answer="a", answer_after=""), slice=WHOLE)
    folder = stage("data-1", body, {"file": file})
    real = scratch.locked

    def and_then(path: Path) -> Any:
        write_lines(file, [{"q": "x", "a": "2"}])  # after it was hashed, before it is read
        return real(path)

    monkeypatch.setattr(scratch, "locked", and_then)
    code, said = again(folder)
    assert code == 2
    assert "an input changed while the task ran" in said
    assert not (folder / "out").exists()
    assert not list(work_of(folder).glob("kept*"))


@pytest.mark.parametrize("change", ["seed", "kernel", "input"])
def test_a_payload_that_was_edited_is_refused_under_its_old_id(
    stage: Stage, tmp_path: Path, again: Callable[[Path], tuple[int, str]], change: str
) -> None:
    file = write_lines(tmp_path / "d.jsonl", [{"q": "x", "a": "1"}])
    other = write_lines(tmp_path / "e.jsonl", [{"q": "x", "a": "2"}])
    body = DataBody(source=FileData(question="q", answer="a", answer_after=""), slice=WHOLE)
    folder = stage("data-1", body, {"file": file})
    payload = json.loads((folder / "payload.json").read_text())
    match change:
        case "seed":
            payload["task"]["slice"]["first"] = 1
        case "kernel":
            payload["kernel"].pop("answers")
        case "input":
            payload["inputs"]["file"]["path"] = os.path.relpath(other, folder)
    (folder / "payload.json").write_text(json.dumps(payload))
    code, said = again(folder)
    assert code == 2
    assert "it was changed by hand" in said
    assert not (folder / "out").exists()


PIPELINE = """stages:
  it:
    # the first time, the command does not end when the task has
    cmd: {python} -m cotspec.runtime payload.json run.json && if [ ! -e once ]; then touch once; sleep 60; fi
    deps: [payload.json]
    outs: [out]
"""


def test_dvc_killed_before_its_commit_costs_nothing_and_its_commit_sweeps(stage: Stage, tmp_path: Path) -> None:
    """A real `dvc repro`, killed once the task has ended; the next one takes the result, and a later task sweeps it."""
    pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")
    own = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(tmp_path / "site")}
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "-q", "--no-scm"], cwd=tmp_path, env=environment(**own), check=True)
    folder = stage("data-1", CHAINS)
    (folder / "dvc.yaml").write_text(PIPELINE.format(python=sys.executable))
    command = [*dvc, "repro", "dvc.yaml"]
    first = subprocess.Popen(command, cwd=folder, env=environment(**own), start_new_session=True)
    deadline = time.monotonic() + 120
    while not (folder / "once").exists():
        assert time.monotonic() < deadline
        assert first.poll() is None
        time.sleep(0.05)
    os.killpg(first.pid, 9)
    first.wait()
    made = contents(folder / "out")
    assert not (folder / "dvc.lock").exists()
    done = subprocess.run(command, cwd=folder, env=environment(**own), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "is whole and is taken" in done.stdout
    assert contents(folder / "out") == made
    work = work_of(folder)
    digests = json.loads((work / "kept.json").read_text())
    assert f"md5: {folder_digest(digests)}" in (folder / "dvc.lock").read_text()
    # the folder's name is the task's id in a built project, and here it is not
    folder.rename(folder.with_name(work.name.rpartition("-")[0]))
    kept.sweep(tmp_path)
    assert not work.exists()


def test_what_dvc_has_not_recorded_is_not_swept(stage: Stage, again: Callable[[Path], tuple[int, str]]) -> None:
    folder = stage("data-1", CHAINS)
    assert again(folder)[0] == 0
    (folder / "dvc.lock").write_text("md5: 0.dir\n")
    kept.sweep(folder.parents[2])
    assert work_of(folder).exists()


def test_tasks_that_start_side_by_side_sweep_without_getting_into_each_others_way(tmp_path: Path) -> None:
    digests = {"problems.jsonl": "0" * 32}
    scratch_folder = tmp_path / ".cotspec/scratch"
    for number in range(150):
        folder, work = tmp_path / f"generated/stages/data-{number}", scratch_folder / f"data-{number}-0123456789ab"
        (work / "kept").mkdir(parents=True)
        (work / "kept/problems.jsonl").touch()
        (work / "kept.json").write_text(json.dumps(digests))
        folder.mkdir(parents=True)
        (folder / "dvc.lock").write_text(f"md5: {folder_digest(digests)}\n")
    half = scratch_folder / "data-0-0123456789ab.7.swept"  # of one that was killed
    half.mkdir()
    code = "import sys, pathlib; from cotspec.runtime import kept; kept.sweep(pathlib.Path(sys.argv[1]))"
    sweepers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [sweeper.wait(60) for sweeper in sweepers] == [0, 0, 0]
    assert list(scratch_folder.iterdir()) == []


def test_a_result_that_is_being_taken_is_not_swept(stage: Stage, again: Callable[[Path], tuple[int, str]]) -> None:
    folder = stage("data-1", CHAINS)
    assert again(folder)[0] == 0
    work = work_of(folder)
    digests = json.loads((work / "kept.json").read_text())
    named = folder.with_name(work.name.rpartition("-")[0])
    folder.rename(named)
    (named / "dvc.lock").write_text(f"md5: {folder_digest(digests)}\n")
    with scratch.locked(work):
        kept.sweep(named.parents[2])
        assert kept.whole(work)
    kept.sweep(named.parents[2])
    assert not work.exists()
