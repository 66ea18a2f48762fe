"""What a killed DVC left is told, and mended when nobody is at work; a real DVC refuses before and runs after."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cotspec import recovery
from cotspec.cli import ready
from tests.support import small_disk

pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")

#: Takes long while there is a file `slow`.
STAGE = "stages:\n  it:\n    cmd: echo hi > o; test ! -e slow || sleep 60\n    outs: [o]\n"
DVC = [sys.executable, "-m", "dvc"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC project whose one stage ran."""
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    root = tmp_path / "project"
    folder = root / "generated/stages/a"
    folder.mkdir(parents=True)
    subprocess.run([*DVC, "init", "-q", "--no-scm"], cwd=root, check=True)
    (folder / "dvc.yaml").write_text(STAGE)
    assert repro(root)[0] == 0
    return root


def repro(root: Path) -> tuple[int, str]:
    done = subprocess.run(
        [*DVC, "repro", "generated/stages/a/dvc.yaml"], cwd=root, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("size", [0, 10, 40])
def test_a_lock_file_that_a_kill_cut_off_is_mended(project: Path, size: int) -> None:
    """Of both kinds, at any length at which DVC refuses it."""
    lock = project / "generated/stages/a/dvc.lock"
    whole = lock.read_bytes()
    (project / recovery.RWLOCK).write_bytes(b'{"write": {"/a": {"pid": 12, "cmd": "dvc repro"}}}'[:size])
    lock.write_bytes(whole[:size])
    assert repro(project)[0] != 0
    told = [str(each) for each in recovery.damage(project)]
    assert told == [f"{p} was cut off while DVC wrote it" for p in (recovery.RWLOCK, "generated/stages/a/dvc.lock")]
    assert [str(each) for each in recovery.mend(project)] == told
    assert recovery.damage(project) == recovery.mend(project) == ()
    assert repro(project)[0] == 0
    assert lock.read_bytes() == whole


def test_a_process_that_got_the_number_of_a_killed_dvc_blocks_nobody(project: Path) -> None:
    out = project / "generated/stages/a/o"
    out.unlink()
    with subprocess.Popen(["sleep", "60"]) as other:
        entry = {"pid": other.pid, "cmd": "/usr/bin/dvc repro"}
        (project / recovery.RWLOCK).write_text(json.dumps({"write": {str(out): entry}}))
        assert "is busy, it is being blocked by" in repro(project)[1]
        (found,) = recovery.mend(project)
        assert str(found) == f"{recovery.RWLOCK} names process {other.pid}, which is another one by now"
        assert repro(project)[0] == 0
        other.kill()


@pytest.mark.parametrize("command", [(*DVC, "repro"), ready.dvc("dvc.yaml")], ids=["a person's", "ours"])
def test_nothing_is_mended_while_dvc_is_at_work(project: Path, command: tuple[str, ...]) -> None:
    """Its own entry is not stale, and what is cut off it may be writing. Once it is killed, both are mended."""
    folder = project / "generated/stages/a"
    (folder / "slow").touch()
    (folder / "dvc.lock").unlink()
    (folder / "o").unlink()
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL, start_new_session=True) as dvc:
        deadline = time.monotonic() + 60
        while not (folder / "o").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert str(dvc.pid) in (project / recovery.RWLOCK).read_text()
        assert recovery.mend(project) == ()
        (project / recovery.RWLOCK).write_text("")
        assert recovery.damage(project) == ()
        with pytest.raises(recovery.AtWorkError, match=rf"cut off .* DVC is at work here \(pid {dvc.pid}\)"):
            recovery.mend(project)
        os.killpg(dvc.pid, signal.SIGKILL)
    (folder / "slow").unlink()
    assert len(recovery.damage(project)) == len(recovery.mend(project)) == 1
    assert repro(project)[0] == 0


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n", "schema: '2.0'\n<<<<<<< HEAD\n", "what: ever\n"])
def test_a_lock_that_a_person_must_mend_is_left_alone(project: Path, text: str) -> None:
    (project / "dvc.lock").write_text(text)
    assert recovery.mend(project) == ()


def test_a_lock_that_dvc_left_empty_on_a_full_disk_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result fits and its copy in the cache does not: DVC leaves a dvc.lock of no bytes, and then refuses it."""
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    root = tmp_path / "small"
    with small_disk(root, 260) as resize:
        folder = root / "generated/stages/a"
        folder.mkdir(parents=True)
        (folder / "payload.json").touch()
        large = "mkdir out && head -c 150000 /dev/urandom > out/x\n    deps: [payload.json]"
        (folder / "dvc.yaml").write_text(f"stages:\n  it:\n    cmd: {large}\n    outs: [out]\n")
        subprocess.run([*DVC, "init", "-q", "--no-scm"], cwd=root, check=True)
        assert "No space left on device" in repro(root)[1]
        resize(4_000)
        assert "dvc.lock' validation failed" in repro(root)[1]
        assert [each.path for each in recovery.mend(root)] == ["generated/stages/a/dvc.lock"]
        assert repro(root)[0] == 0


def test_one_task_is_mended_while_others_are_at_work(project: Path) -> None:
    """A killed run of it, under a number that somebody has by now; what others hold, on whatever machine, stays."""
    own = {"pid": os.getpid(), "cmd": "/x/dvc/__main__.py --wait-for-lock repro -s generated/stages/a/dvc.yaml"}
    other = {"pid": 4_000_000, "cmd": "/x/dvc/__main__.py --wait-for-lock repro -s generated/stages/aa/dvc.yaml"}
    out = str(project / "generated/stages/a/o")
    held = {"write": {out: own, "/elsewhere": other}, "read": {"/both": [own, other], "/mine": [own]}}
    (project / recovery.RWLOCK).write_text(json.dumps(held))
    (project / "generated/stages/a/o").unlink()
    assert "is busy" in repro(project)[1]
    lock = project / "generated/stages/a/dvc.lock"
    lock.write_bytes(lock.read_bytes()[:40])
    folder = "generated/stages/a"
    told = [str(each) for each in recovery.mend_task(project, folder)]
    killed = "named a run of this task that was killed"
    assert told == [f"{folder}/dvc.lock was cut off while DVC wrote it", f"{recovery.RWLOCK} {killed}"]
    kept = json.loads((project / recovery.RWLOCK).read_text())
    assert kept == {"write": {"/elsewhere": other}, "read": {"/both": [other]}}
    assert recovery.mend_task(project, folder) == ()
    assert repro(project)[0] == 0
