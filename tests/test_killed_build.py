"""A build that is killed at any moment leaves what DVC can run, and the next build finishes it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cotspec import workspace
from cotspec.back.registry import emit
from cotspec.back.rendering import HEADER
from cotspec.spec.artifact_names import settings_file
from cotspec.workspace import MANIFEST, WorkspaceError
from tests.support import sealed, spec_data

OLD = {
    "dvc.yaml": f"{HEADER}\nstages: old\n",
    "generated/.gitignore": "x\n",
    "generated/stages/a-1/dvc.yaml": "a\n",
    "generated/stages/a-1/launch.sh": "a\n",
    "generated/stages/b-2/dvc.yaml": "b\n",
    "generated/stages/b-2/payload.json": "b\n",
    "generated/stages/d-4/dvc.yaml": "d\n",
}
NEW = {
    "dvc.yaml": f"{HEADER}\nstages: new\n",
    "generated/.gitignore": "x\n",
    "generated/stages/a-1/dvc.yaml": "a, for another\n",
    "generated/stages/a-1/launch.sh": "a2\n",
    "generated/stages/c-3/dvc.yaml": "c\n",
    "generated/stages/c-3/payload.json": "c\n",
    "generated/reports/r/dvc.yaml": "r\n",
}
THIRD = {path: text for path, text in OLD.items() if "d-4" not in path}

#: Forks a build for each moment at which something is written, sends it a signal there and keeps what is left in a
#: folder of its own; then builds the third tree there.
STOPPED = """
import json, mmap, os, shutil, signal, sys
from pathlib import Path
from cotspec import workspace

given = json.loads(sys.stdin.read())
sent = mmap.mmap(-1, 1)  # shared with what is forked
WRITES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir"}

def stop_at(moment):
    seen = 0
    def hook(event, arguments):
        nonlocal seen
        named = event == "open" and isinstance(arguments[0], str | os.PathLike)
        if event in WRITES or (named and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            seen += 1
            if seen == moment and not sent[0]:
                sent[0] = 1
                os.kill(os.getpid(), given["signal"])
    sys.addaudithook(hook)

moment, told = 0, []
while moment == 0 or sent[0]:
    moment, sent[0] = moment + 1, 0
    root, left = Path(given["work"], str(moment)), Path(given["left"], str(moment))
    shutil.copytree(given["before"], root)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop_at(moment)
        try:
            workspace.write(root, given["new"])
        except KeyboardInterrupt:
            os._exit(130)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    shutil.copytree(root, left)
    edited = workspace.write(root, given["third"]).edited
    told.append({"code": code, "left": str(left), "then": str(root), "edited": edited})
print(json.dumps(told))
"""


def files(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.relative_to(root).parts[0] not in (".cotspec", ".dvc")
    }


def made(root: Path, *trees: dict[str, str]) -> Path:
    root.mkdir()
    for texts in trees:
        workspace.write(root, texts)
        if texts is OLD:  # what running it leaves
            for name in ("a-1", "b-2"):
                folder = root / "generated/stages" / name
                (folder / "dvc.lock").write_text("lock\n")
                (folder / "out").mkdir(exist_ok=True)
                (folder / "out/model").write_text("weights\n")
    return root


def stopped(
    tmp_path: Path, before: Path, number: int, new: dict[str, str], third: dict[str, str]
) -> list[dict[str, Any]]:
    for name in ("work", "left"):
        (tmp_path / name).mkdir()
    given = {"work": str(tmp_path / "work"), "left": str(tmp_path / "left"), "before": str(before)}
    done = subprocess.run(
        [sys.executable, "-c", STOPPED],
        input=json.dumps({**given, "signal": int(number), "new": new, "third": third}),
        capture_output=True,
        text=True,
        check=True,
    )
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("first", [(), (OLD,)], ids=["first-build", "rebuild"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_what_a_build_stopped_at_any_moment_left_is_finished_by_the_next(
    tmp_path: Path, first: tuple[dict[str, str], ...], number: signal.Signals
) -> None:
    """Whatever the next one builds: here a third tree, which has nothing of what the stopped one made."""
    before = made(tmp_path / "before", *first)
    old, new = files(before), {**NEW, MANIFEST: files(made(tmp_path / "after", *first, NEW))[MANIFEST]}
    third = files(made(tmp_path / "third", *first, NEW, THIRD))
    third.pop("generated/stages/b-2/dvc.lock", None)  # it went with its stage and nothing made it anew
    told = stopped(tmp_path, before, number, NEW, THIRD)
    assert len(told) > 12
    for each in told:
        left, then = files(Path(each["left"])), files(Path(each["then"]))
        whole = [path for path in left if path != MANIFEST and not path.endswith(("dvc.lock", "out/model"))]
        assert all(left[path] in (old.get(path), new.get(path)) for path in whole), "no file is half-written"
        assert left.get("generated/stages/a-1/out/model") == old.get("generated/stages/a-1/out/model")
        then.pop("generated/stages/b-2/dvc.lock", None)
        assert then == third
        assert not each["edited"], "what a build itself had begun is not a person's edit"
        assert sorted(os.listdir(Path(each["then"]) / ".cotspec")) == [".gitignore", "build.lock"]
    assert {each["code"] for each in told[:-1]} == {130 if number == signal.SIGINT else -number}
    assert told[-1]["code"] == 0


def test_dvc_finds_no_fault_in_what_a_killed_build_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stage that DVC sees has all the files it runs on, and whatever it reads is made by a stage or is there."""
    repo = pytest.importorskip("dvc.repo", reason="DVC (cotspec[train]) is not installed").Repo
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    small = spec_data("small")
    changed = {**small, "name": "renamed", "seed": 7}
    old, new = (emit(sealed(each).plan) | {settings_file(each["name"]): "seed: 1\n"} for each in (small, changed))
    before = made(tmp_path / "before", old)
    repo.init(str(before), no_scm=True).close()
    told = stopped(tmp_path, before, signal.SIGKILL, new, old)
    assert len(told) > 100
    moments = sorted({*range(0, len(told), len(told) // 12), len(told) - 1})
    for each in (told[moment] for moment in moments):
        root = Path(each["left"])
        for stage in root.glob("generated/*/*/dvc.yaml"):
            assert {"payload.json", "run.json", "launch.sh"} <= set(os.listdir(stage.parent))
        with repo(str(root)) as project:
            project.index.check_graph()
            outs = {Path(out.fs_path) for stage in project.index.stages for out in stage.outs}
            deps = {Path(dep.fs_path) for stage in project.index.stages for dep in stage.deps}
        own = {dep for dep in deps if dep.is_relative_to(root / "generated")}
        assert [dep for dep in own if not dep.exists() and outs.isdisjoint((dep, *dep.parents))] == []


def test_a_file_where_a_folder_is_needed_is_found_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "generated").write_text("mine")
    with pytest.raises(WorkspaceError, match="generated is a file"):
        workspace.write(tmp_path, NEW)
    assert files(tmp_path) == {"generated": "mine"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_found_before_anything_is_written(tmp_path: Path) -> None:
    root = made(tmp_path / "project", OLD)
    before = files(root)
    (root / "generated/stages/a-1").chmod(0o555)
    try:
        with pytest.raises(WorkspaceError, match=r"a-1 cannot be written: Permission denied"):
            workspace.write(root, NEW)
    finally:
        (root / "generated/stages/a-1").chmod(0o755)
    assert files(root) == before
