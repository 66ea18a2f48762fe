"""`cotspec doctor` on results of a real DVC: it finds every kind of harm, and what it says to do mends it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import Run

pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")

FOLDER = "generated/stages/make-1"
TARGET = f"{FOLDER}/dvc.yaml"
#: Another result each time, so that one that is made again can be told from one that is restored.
STAGE = """stages:
  make-1:
    cmd: mkdir out && echo weights > out/model && date +%N > out/when
    deps: [payload.json]
    outs: [out]
"""
CLEAN = "1 recorded result: all as recorded, nothing left over\n"


def dvc(*arguments: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project that ran and was pushed."""
    base = tmp_path_factory.mktemp("doctor")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.setenv("DVC_SITE_CACHE_DIR", str(base / "site"))
        patch.setenv("PATH", f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}")
        root = base / "project"
        (root / FOLDER).mkdir(parents=True)
        (root / TARGET).write_text(STAGE)
        (root / FOLDER / "payload.json").write_text('{"id": "make-1"}')
        dvc("init", "-q", "--no-scm", folder=root)
        dvc("repro", TARGET, folder=root)
        dvc("remote", "add", "-d", "folder", str(base / "remote"), folder=root)
        dvc("push", folder=root)
        yield root


def cached(root: Path, name: str) -> Path:
    """The object of a file of the result."""
    (listing,) = root.glob(".dvc/cache/files/md5/*/*.dir")
    (digest,) = (entry["md5"] for entry in json.loads(listing.read_bytes()) if entry["relpath"] == name)
    return root / ".dvc/cache/files/md5" / digest[:2] / digest[2:]


def alter(path: Path) -> None:
    path.chmod(0o644)
    path.write_text("Weights\n")
    path.chmod(0o444)


def listing(root: Path) -> None:
    (path,) = root.glob(".dvc/cache/files/md5/*/*.dir")
    path.unlink()


HARM: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "cache object altered": (
        lambda root: alter(cached(root, "model")),
        ["was altered on the disk, and DVC would restore it as good", "is as it was recorded, but not in the cache"],
    ),
    "cache object altered, out gone": (
        lambda root: (alter(cached(root, "model")), shutil.rmtree(root / FOLDER / "out")),
        ["was altered on the disk, and DVC would restore it as good", "is neither there nor in the cache"],
    ),
    "cache object lost": (
        lambda root: cached(root, "when").unlink(),
        ["is as it was recorded, but not in the cache"],
    ),
    "cache listing lost": (listing, ["is as it was recorded, but not in the cache"]),
    "result edited": (
        lambda root: (root / FOLDER / "out/model").write_text("Weights\n"),
        ["is not what dvc.lock recorded"],
    ),
    "result edited, cache lost": (
        lambda root: ((root / FOLDER / "out/new").touch(), shutil.rmtree(root / ".dvc/cache")),
        ["is not what dvc.lock recorded, and the cache does not have it either"],
    ),
    "all lost": (
        lambda root: (shutil.rmtree(root / FOLDER / "out"), shutil.rmtree(root / ".dvc/cache")),
        ["is neither there nor in the cache"],
    ),
}


@pytest.mark.parametrize("name", HARM)
def test_what_is_not_as_recorded_is_found_and_what_it_says_to_do_mends_it(
    made: Path, tmp_path: Path, run: Run, name: str
) -> None:
    root = tmp_path / "project"
    shutil.copytree(made, root)
    whole = {path.name: path.read_bytes() for path in (root / FOLDER / "out").iterdir()}
    assert run("doctor", folder=root) == (0, CLEAN, "")
    harm, found = HARM[name]
    harm(root)
    code, out, err = run("doctor", folder=root)
    lines = out.splitlines()
    assert (code, err) == (1, "")
    assert [any(told in line for line in lines[::2]) for told in found] == [True] * len(found)
    assert lines[-1] == f"1 recorded result, {len(found)} finding{'s' * (len(found) > 1)}"
    for command in lines[1::2]:
        subprocess.run(command.split(" or: ")[0], shell=True, cwd=root, check=True, capture_output=True)
    assert run("doctor", folder=root) == (0, CLEAN, "")
    assert {path.name: path.read_bytes() for path in (root / FOLDER / "out").iterdir()} == whole


def test_locks_that_stop_dvc_and_work_of_tasks_that_are_gone_are_in_the_way(
    made: Path, tmp_path: Path, run: Run
) -> None:
    root = tmp_path / "project"
    shutil.copytree(made, root)
    (root / ".dvc/tmp/rwlock").write_text("")
    (root / "dvc.lock").write_text("<<<<<<< HEAD\n")
    for id in ("make-1", "gone-2"):
        (root / f".cotspec/scratch/{id}-0123456789ab/trainer").mkdir(parents=True)
    code, out, _ = run("doctor", folder=root)
    assert (code, out.splitlines()) == (
        1,
        [
            ".dvc/tmp/rwlock was cut off while DVC wrote it, and DVC refuses to work",
            "    cotspec run",
            "dvc.lock has the marks of an unfinished merge, and DVC refuses to work",
            "    git checkout --ours dvc.lock or: git checkout --theirs dvc.lock",
            ".cotspec/scratch/gone-2-0123456789ab is unfinished work (0.0 MB) of a task that is not built any more",
            "    rm -r .cotspec/scratch/gone-2-0123456789ab",
            "1 recorded result, 3 findings",
        ],
    )


def test_a_folder_that_is_no_dvc_project_is_a_matter_of_the_environment(tmp_path: Path, run: Run) -> None:
    (tmp_path / ".git").mkdir()
    code, out, err = run("doctor", folder=tmp_path)
    assert (code, out) == (2, "")
    assert "has no .dvc" in err
