"""A build that is stopped or killed at any moment leaves the old tree or the new one."""

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
from cotspec.back.places import UNFINISHED
from cotspec.back.registry import emit
from cotspec.back.text import HEADER
from cotspec.workspace import WorkspaceError
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

#: Forks a build for each moment at which something is written, sends a signal there and tells what is left. `whom`: the
#: build, its process group, or whichever process is just writing.
STOPPED = """
import fcntl, json, mmap, os, shutil, signal, sys
from pathlib import Path
from cotspec import workspace

given = json.loads(sys.stdin.read())
root, before = Path(given["root"]), Path(given["before"])
sent = mmap.mmap(-1, 1)  # shared with what is forked
WRITES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir"}

def stop_at(moment, number):
    seen, build = 0, os.getpid()
    def hook(event, arguments):
        nonlocal seen
        named = event == "open" and isinstance(arguments[0], str | os.PathLike)
        if event in WRITES or (named and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            seen += 1
            if seen == moment and not sent[0]:
                whom = {"build": build, "group": -build, "writer": os.getpid()}[given["whom"]]
                sent[0] = 1
                os.kill(whom, number)
    sys.addaudithook(hook)

def wait():
    try:
        with open(root / ".cotspec/build.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # nobody writes any more
    except FileNotFoundError:
        pass

def tree():
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.relative_to(root).parts[0] != ".cotspec"
    }

moment, told = 0, []
while moment == 0 or sent[0]:
    moment, sent[0] = moment + 1, 0
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(before, root)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop_at(moment, given["signal"])
        try:
            workspace.write(root, given["new"])
        except KeyboardInterrupt:
            os._exit(130)
        except workspace.WorkspaceError as error:
            os._exit(2 if "cotspec build" in str(error) else 3)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    wait()
    left, unfinished = tree(), (root / given["unfinished"]).exists()
    edited = workspace.write(root, given["third"]).edited
    told.append({"code": code, "left": left, "unfinished": unfinished, "then": tree(), "edited": edited,
                 "scratch": sorted(os.listdir(root / ".cotspec"))})
print(json.dumps(told))
"""


def files(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.relative_to(root).parts[0] != ".cotspec"
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


def stopped(tmp_path: Path, before: Path, whom: str, number: int) -> list[dict[str, Any]]:
    given = {"root": str(tmp_path / "work"), "before": str(before), "whom": whom, "signal": int(number)}
    done = subprocess.run(
        [sys.executable, "-c", STOPPED],
        input=json.dumps({**given, "new": NEW, "third": THIRD, "unfinished": UNFINISHED}),
        capture_output=True,
        text=True,
        check=True,
    )
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("first", [(), (OLD,)], ids=["first-build", "rebuild"])
@pytest.mark.parametrize("whom", ["build", "group", "writer"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_a_build_stopped_at_any_moment_leaves_the_old_tree_or_the_new_one(
    tmp_path: Path, first: tuple[dict[str, str], ...], number: signal.Signals, whom: str
) -> None:
    """Only who kills the process that writes, and not the build, leaves something between: the next build ends it."""
    before = made(tmp_path / "before", *first)
    old, new = files(before), files(made(tmp_path / "after", *first, NEW))
    third = files(made(tmp_path / "third", *first, NEW, THIRD))
    third.pop("generated/stages/b-2/dvc.lock", None)  # it went with its stage and nothing made it anew
    told = stopped(tmp_path, before, whom, number)
    assert len(told) > 12
    seen = set()
    for each in told:
        assert not each["edited"], "what a build itself had begun is not a person's edit"
        assert each["scratch"] == [".gitignore", "build.lock"]
        then = {path: text for path, text in each["then"].items() if not path.endswith("b-2/dvc.lock")}
        assert then == third
        if each["unfinished"]:
            seen.add("unfinished")
        else:
            assert each["left"] in (old, new)
            seen.add("old" if each["left"] == old else "new")
    writer_killed = whom == "writer" and number == signal.SIGKILL
    assert seen == {"old", "new"} | ({"unfinished"} if writer_killed else set())
    ends = {130 if number == signal.SIGINT else -number}
    if whom == "writer":
        ends.add(2 if number == signal.SIGKILL else 0)  # killed, and the build says so; or held back
    assert {each["code"] for each in told[:-1]} == ends
    assert told[-1]["code"] == 0


def test_what_goes_wrong_in_the_process_that_writes_is_said_by_the_build(tmp_path: Path) -> None:
    root = made(tmp_path / os.fsdecode(b"caf\xe9"), OLD)  # a name that is not UTF-8
    before = files(root)
    (root / f"{UNFINISHED}.cotspec-tmp").mkdir()
    with pytest.raises(WorkspaceError, match=r"build\.json cannot be written in .*caf.*Is a directory"):
        workspace.write(root, NEW)
    assert files(root) == before
    assert sorted(os.listdir(root / ".cotspec")) == [".gitignore", "build.json.cotspec-tmp", "build.lock"]


def test_a_build_writes_when_its_parent_ignores_the_end_of_children(tmp_path: Path) -> None:
    code = "import json, sys, pathlib, cotspec.workspace as w; w.write(pathlib.Path(sys.argv[1]), json.load(sys.stdin))"
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        _, errors = process.communicate(json.dumps(NEW))
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert errors == ""
    assert files(tmp_path).keys() == {*NEW, "generated/manifest.json"}


def test_what_an_unfinished_build_left_is_neither_compared_nor_run(tmp_path: Path) -> None:
    workspace.write(tmp_path, emit(sealed(spec_data("small")).plan))
    (tmp_path / UNFINISHED).write_text('{"put": [], "drop": [], "prune": []}')
    with pytest.raises(WorkspaceError, match="run `cotspec build`, which finishes it"):
        workspace.check(tmp_path, NEW)
    script = next(tmp_path.glob("generated/stages/*/launch.sh"))
    done = subprocess.run(
        ["bash", script],
        env={**os.environ, "COTSPEC_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "run `cotspec build`, which finishes it" in done.stderr


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"put": 3, "drop": [], "prune": []}', '{"put": [], "drop": [], "prune": [], "x": []}']
)
def test_a_broken_journal_is_named_and_nothing_is_written(tmp_path: Path, text: str) -> None:
    workspace.write(tmp_path, OLD)
    before = files(tmp_path)
    (tmp_path / UNFINISHED).write_text(text)
    with pytest.raises(WorkspaceError, match=r"build\.json cannot be read: delete it and build again"):
        workspace.write(tmp_path, NEW)
    assert files(tmp_path) == before


@pytest.mark.parametrize("list_", ["put", "drop", "prune"])
@pytest.mark.parametrize("path", ["../victim", "/etc/passwd", "README.md", "generated/../victim", "specs/a.yaml"])
def test_a_journal_cannot_name_files_outside_generated(tmp_path: Path, list_: str, path: str) -> None:
    root = tmp_path / "project"
    made(root, OLD)
    for victim in (tmp_path / "victim", root / "victim"):
        victim.write_text("here")
    (root / UNFINISHED).write_text(json.dumps({"put": [], "drop": [], "prune": [], list_: [path]}))
    with pytest.raises(WorkspaceError, match="is not cotspec's"):
        workspace.write(root, NEW)
    assert (tmp_path / "victim").exists()
    assert (root / "victim").exists()


def test_nothing_is_taken_from_where_a_staged_link_leads(tmp_path: Path) -> None:
    root = made(tmp_path / "project", OLD)
    (tmp_path / "elsewhere/generated").mkdir(parents=True)
    (tmp_path / "elsewhere/generated/c").write_text("theirs")
    (root / ".cotspec/build").symlink_to(tmp_path / "elsewhere")
    (root / UNFINISHED).write_text('{"put": ["generated/c"], "drop": [], "prune": []}')
    with pytest.raises(WorkspaceError, match="symbolic link"):
        workspace.write(root, NEW)
    assert (tmp_path / "elsewhere/generated/c").read_text() == "theirs"


@pytest.mark.parametrize("list_", ["put", "drop", "prune"])
def test_a_journal_cannot_lead_out_through_a_link(tmp_path: Path, list_: str) -> None:
    root = made(tmp_path / "project", OLD)
    (tmp_path / "elsewhere").mkdir()
    for name in ("dvc.lock", ".gitignore", "file"):
        (tmp_path / "elsewhere" / name).write_text("theirs")
    (root / "generated/up").symlink_to(tmp_path / "elsewhere")
    (root / ".cotspec/build/generated/up").mkdir(parents=True)
    (root / ".cotspec/build/generated/up/file").write_text("ours")
    named = "generated/up" if list_ == "prune" else "generated/up/file"
    (root / UNFINISHED).write_text(json.dumps({"put": [], "drop": [], "prune": [], list_: [named]}))
    with pytest.raises(WorkspaceError, match="symbolic link"):
        workspace.write(root, NEW)
    assert {path.name: path.read_text() for path in (tmp_path / "elsewhere").iterdir()} == dict.fromkeys(
        ("dvc.lock", ".gitignore", "file"), "theirs"
    )


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
