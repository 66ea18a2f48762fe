"""`cotspec gc`: what no spec needs goes, when it is told to; what DVC has not stored, or a commit needs, stays."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cotspec.history import locks
from cotspec.history.locks import Cache
from tests.fuzz.finished import built, finished, lock
from tests.support import Run

SPEC = "specs/a.yaml"
LAST = "generated/stages/grpo-"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two experiments have run and are committed; then one of them is taken out of its spec and built anew."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    plan = finished(folder)
    for out in folder.glob(f"{LAST}*/out"):
        (out / "model/config.json").write_text(f'{{"of": "{out.parent.name}"}}')
    lock(folder, plan)
    (folder / ".git").rmdir()
    shutil.rmtree(folder / ".cotspec")
    (folder / ".dvc/tmp/rwlock").unlink()
    (folder / ".gitignore").write_text("cotspec.local.yaml\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "both")
    spec = folder / SPEC
    spec.write_text(spec.read_text(encoding="utf-8").partition("variants:")[0], encoding="utf-8")
    built(folder)
    return folder


def git(folder: Path, *arguments: str) -> None:
    own = {f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, env=os.environ | own, capture_output=True)


def outs(project: Path) -> set[str]:
    return {path.parent.name for path in project.glob("generated/*/*/out")}


def objects(project: Path) -> set[Path]:
    return {path for path in Cache(project).file("00").parent.parent.rglob("*") if path.is_file()}


def test_it_says_what_no_spec_needs_and_removes_nothing_before_it_is_told_to(project: Path, run: Run) -> None:
    before, kept = outs(project), objects(project)
    code, out, err = run("gc")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("results that no spec needs; DVC's cache keeps them: ")
    assert [line.split()[0].rpartition("-")[0] for line in lines[1:3]] == [
        "generated/reports/example-",
        "generated/stages/evaluate",
    ]
    assert lines[-1] == "nothing was removed: --yes does it"
    assert (outs(project), objects(project)) == (before, kept)


def test_results_that_no_spec_needs_go_and_all_others_and_the_cache_stay(project: Path, run: Run) -> None:
    before, kept = outs(project), objects(project)
    code, out, _ = run("gc", "--yes")
    assert (code, out.splitlines()[-1]) == (0, "removed")
    gone = before - outs(project)
    assert {name.partition("-")[0] for name in gone} == {"evaluate", "grpo", "example"}
    assert not any((project / "generated/stages" / name).exists() for name in gone)
    assert objects(project) == kept
    assert run("gc", "--yes")[1] == "there is nothing to remove\n"


def test_what_another_spec_asks_for_stays_though_it_is_not_built_now(project: Path, run: Run) -> None:
    (project / "specs/b.yaml").write_text("extends: a.yaml\nname: other\nstages: {second: {train: {lr: 2e-5}}}\n")
    assert LAST not in run("gc")[1]


def test_a_spec_with_errors_stops_it(project: Path, run: Run) -> None:
    (project / "specs/b.yaml").write_text("cotspec: 2\nnme: other\n")
    code, out, err = run("gc", "--yes")
    assert (code, out) == (1, "")
    assert "specs/b.yaml" in err


def test_what_dvc_has_not_stored_whole_stays_and_is_named(project: Path, run: Run) -> None:
    (mine,) = (path for path in project.glob(f"{LAST}*/out") if not (path.parent / "dvc.yaml").exists())
    (mine / "notes.txt").write_text("mine")
    _, out, _ = run("gc", "--yes")
    assert "not removed: DVC has not stored them whole" in out
    assert (mine / "notes.txt").read_text() == "mine"
    assert mine.parent.name in out


def test_unfinished_work_is_removed_only_when_it_is_named(project: Path, run: Run) -> None:
    work = project / ".cotspec/scratch/grpo-0123456789ab-0123456789ab"
    (work / "trainer").mkdir(parents=True)
    (work / "trainer/state").write_bytes(b"x" * 1000)
    assert "not removed: unfinished work of such tasks (--unfinished): " in run("gc", "--yes")[1]
    assert work.exists()
    run("gc", "--yes", "--unfinished")
    assert not work.exists()


def test_a_finished_result_in_scratch_is_no_unfinished_work_and_goes_where_the_cache_has_it(
    project: Path, run: Run
) -> None:
    report = project / "generated/reports/example--faster"
    work = project / ".cotspec/scratch/report-0123456789ab-0123456789ab"
    work.mkdir(parents=True)
    digests = {path.name: locks.digest(path, (project,)) for path in (report / "out").iterdir()}
    (work / "kept.json").write_text(json.dumps(digests))
    out = run("gc")[1]
    assert "\ncopies of finished results of such tasks; DVC's cache keeps them: " in out
    assert "unfinished" not in out
    (work / "kept.json").write_text(json.dumps(digests | {"more.txt": "0" * 32}))
    assert (
        "not removed: finished results of such tasks that DVC has not stored (--unfinished): " in run("gc", "--yes")[1]
    )
    assert work.exists()
    (work / "kept.json").write_text(json.dumps(digests))
    run("gc", "--yes")
    assert not work.exists()


def test_a_link_in_place_of_a_result_is_left_alone(project: Path, run: Run, tmp_path: Path) -> None:
    (mine,) = (path for path in project.glob(f"{LAST}*/out") if not (path.parent / "dvc.yaml").exists())
    shutil.move(mine, tmp_path / "elsewhere")
    mine.symlink_to(tmp_path / "elsewhere")
    run("gc", "--yes")
    assert (tmp_path / "elsewhere/metrics.json").is_file()


def test_of_dvcs_cache_goes_what_no_commit_needs_and_with_tips_what_no_branch_ends_in(project: Path, run: Run) -> None:
    pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")
    before = objects(project)
    code, out, err = run("gc", "--cache", "--yes")
    assert code == 0, err
    assert "DVC's cache: 1 objects that no commit needs, which nothing brings back: 0.3 kB" in out
    whole = objects(project)
    assert whole < before
    assert len(before - whole) == 1, "the samples of the result that went, which no other has"
    git(project, "add", "-A")
    git(project, "commit", "-qm", "one")
    assert "DVC's cache: 0 objects that no commit needs" in run("gc", "--cache")[1]
    told = run("gc", "--cache", "--tips")[1]
    assert "objects that no end of a branch or tag needs, which nothing brings back" in told
    assert objects(project) == whole
    assert run("gc", "--cache", "--tips", "--yes")[1].endswith("removed\n")
    assert objects(project) < whole
    assert run("model", SPEC)[0] == 0


def test_a_cache_that_other_projects_share_is_not_cleaned(project: Path, run: Run, tmp_path: Path) -> None:
    shutil.move(project / ".dvc/cache", tmp_path / "shared")
    (project / ".dvc/config").write_text(f"[cache]\n    dir = {tmp_path / 'shared'}\n")
    code, _, err = run("gc", "--cache")
    assert code == 2
    assert "DVC's cache lies outside of this project, and other projects may need what is in it" in err
    assert "--tips goes with --cache" in run("gc", "--tips")[2]
