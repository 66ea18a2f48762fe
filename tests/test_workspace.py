"""The only writer: writes what changed, removes what it owns, touches nothing else."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from cotspec import workspace
from cotspec.back.rendering import HEADER
from cotspec.workspace import MANIFEST, WorkspaceError, disk

ROOT_DVC = f"{HEADER}\nstages:\n"
TREE = {
    "dvc.yaml": ROOT_DVC,
    "generated/.gitignore": "x\n",
    "generated/stages/a-1/dvc.yaml": "a\n",
    "generated/stages/a-1/payload.json": "{}\n",
    "generated/stages/b-2/dvc.yaml": "b\n",
}


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".cotspec" not in path.parts
    }


def without(*paths: str) -> dict[str, str]:
    return {path: text for path, text in TREE.items() if path not in paths}


def test_a_first_build_writes_everything_and_a_second_nothing(tmp_path: Path) -> None:
    first = workspace.write(tmp_path, TREE)
    assert first.missing == tuple(sorted([*TREE, MANIFEST]))
    assert {path: text.decode() for path, text in tree(tmp_path).items() if path != MANIFEST} == TREE
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    second = workspace.write(tmp_path, TREE)
    assert (second.clean, second.written) == (True, 0)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    workspace.write(tmp_path, TREE)
    untouched = (tmp_path / "generated/stages/b-2/dvc.yaml").stat().st_mtime_ns
    changes = workspace.write(tmp_path, {**TREE, "generated/stages/a-1/dvc.yaml": "new\n"})
    assert changes.stale == (MANIFEST, "generated/stages/a-1/dvc.yaml")
    assert changes.edited == ()
    assert (tmp_path / "generated/stages/a-1/dvc.yaml").read_text() == "new\n"
    assert (tmp_path / "generated/stages/b-2/dvc.yaml").stat().st_mtime_ns == untouched


def test_check_writes_nothing_and_names_what_a_build_would_do(tmp_path: Path) -> None:
    workspace.write(tmp_path, TREE)
    (tmp_path / "generated/stages/a-1/payload.json").unlink()
    before = tree(tmp_path)
    changes = workspace.check(tmp_path, without("generated/stages/b-2/dvc.yaml") | {"generated/.gitignore": "y\n"})
    assert changes.missing == ("generated/stages/a-1/payload.json",)
    assert changes.stale == ("generated/.gitignore", MANIFEST)
    assert changes.leftover == ("generated/stages/b-2/dvc.yaml",)
    assert not changes.clean
    assert tree(tmp_path) == before


def test_check_of_an_empty_folder_leaves_it_empty(tmp_path: Path) -> None:
    assert not workspace.check(tmp_path, TREE).clean
    assert list(tmp_path.iterdir()) == []


def test_dvcs_files_stay_in_a_planned_folder_and_the_lock_goes_with_an_unplanned_one(tmp_path: Path) -> None:
    workspace.write(tmp_path, TREE)
    for folder in ("a-1", "b-2"):
        (tmp_path / f"generated/stages/{folder}/dvc.lock").write_text("lock")
    (tmp_path / "generated/stages/b-2/out").mkdir()
    (tmp_path / "generated/stages/b-2/out/model").write_text("weights")
    workspace.write(tmp_path, without("generated/stages/b-2/dvc.yaml"))
    assert (tmp_path / "generated/stages/a-1/dvc.lock").read_text() == "lock"
    assert [p.name for p in (tmp_path / "generated/stages/b-2").iterdir()] == ["out"]
    assert (tmp_path / "generated/stages/b-2/out/model").read_text() == "weights"


def test_an_unplanned_folder_without_results_goes_whole(tmp_path: Path) -> None:
    workspace.write(tmp_path, TREE)
    workspace.write(tmp_path, without("generated/stages/b-2/dvc.yaml"))
    assert not (tmp_path / "generated/stages/b-2").exists()


def test_what_a_person_put_into_generated_is_left_alone(tmp_path: Path) -> None:
    workspace.write(tmp_path, TREE)
    notes = tmp_path / "generated/stages/b-2/notes.txt"
    notes.write_text("mine")
    workspace.write(tmp_path, without("generated/stages/b-2/dvc.yaml"))
    assert notes.read_text() == "mine"


def test_a_file_changed_by_hand_is_put_right_and_named(tmp_path: Path) -> None:
    workspace.write(tmp_path, TREE)
    (tmp_path / "generated/stages/a-1/payload.json").write_text("mine")
    changes = workspace.write(tmp_path, TREE)
    assert changes.edited == ("generated/stages/a-1/payload.json",)
    assert (tmp_path / "generated/stages/a-1/payload.json").read_text() == "{}\n"


def test_a_dvc_yaml_that_is_not_cotspecs_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {mine: {cmd: ls}}\n")
    with pytest.raises(WorkspaceError, match="was not made by cotspec"):
        workspace.write(tmp_path, TREE)
    assert tree(tmp_path) == {"dvc.yaml": b"stages: {mine: {cmd: ls}}\n"}


def test_a_project_whose_manifest_is_lost_is_taken_over_again(tmp_path: Path) -> None:
    workspace.write(tmp_path, TREE)
    (tmp_path / MANIFEST).unlink()
    changes = workspace.write(tmp_path, TREE)
    assert (changes.missing, changes.stale, changes.edited) == ((MANIFEST,), (), ())


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n", "[]", '{"files": 3}', '{"files": []}', ""])
def test_a_broken_manifest_is_named_and_nothing_is_written(tmp_path: Path, text: str) -> None:
    workspace.write(tmp_path, TREE)
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(WorkspaceError, match=r"restore it .* and build again"):
        workspace.write(tmp_path, TREE)


@pytest.mark.parametrize(
    "path", ["../victim", "/etc/passwd", "README.md", "generated/../victim", "generated", "specs/a.yaml"]
)
def test_a_manifest_cannot_name_files_outside_generated(tmp_path: Path, path: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    for victim in (tmp_path / "victim", root / "victim"):
        victim.write_text("here")
    workspace.write(root, TREE)
    (root / MANIFEST).write_text(json.dumps({"cotspec": 1, "files": {path: "0"}}))
    with pytest.raises(WorkspaceError, match="is not cotspec's"):
        workspace.write(root, TREE)
    assert (tmp_path / "victim").exists()
    assert (root / "victim").exists()


def test_nothing_is_written_through_a_link_that_leaves_the_project(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root = tmp_path / "project"
    root.mkdir()
    (root / "generated").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match="symbolic link"):
        workspace.write(root, TREE)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_linked_file_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    workspace.write(tmp_path, TREE)
    target = tmp_path / "target"
    target.write_text("{}\n")
    link = tmp_path / "generated/stages/a-1/payload.json"
    link.unlink()
    link.symlink_to(target)
    workspace.write(tmp_path, {**TREE, "generated/stages/a-1/payload.json": "new\n"})
    assert not link.is_symlink()
    assert (link.read_text(), target.read_text()) == ("new\n", "{}\n")


def test_a_folder_in_a_files_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "generated/stages/a-1/dvc.yaml").mkdir(parents=True)
    with pytest.raises(WorkspaceError, match="is a folder"):
        workspace.write(tmp_path, TREE)


def test_two_builds_at_once_do_not_mix(tmp_path: Path) -> None:
    with disk.locked(tmp_path), pytest.raises(WorkspaceError, match="another `cotspec build`"):
        workspace.write(tmp_path, TREE)
    assert workspace.write(tmp_path, TREE).written


def test_files_get_the_mode_of_the_users_umask(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        workspace.write(tmp_path, TREE)
    finally:
        os.umask(old)
    assert (tmp_path / "dvc.yaml").stat().st_mode & 0o777 == 0o644


def test_the_builders_own_folder_never_shows_in_git(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    workspace.write(tmp_path, TREE)
    seen = subprocess.run(
        ["git", "status", "--short", "-uall"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ".cotspec" not in seen.stdout
    assert "generated/manifest.json" in seen.stdout


def test_a_file_that_cannot_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.write(tmp_path, TREE)
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == "b-2" and path.name == "dvc.yaml":
            raise PermissionError(13, "Permission denied", str(path))
        real(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(WorkspaceError, match=r"b-2/dvc\.yaml cannot be removed: Permission denied"):
        workspace.write(tmp_path, without("generated/stages/b-2/dvc.yaml"))
    monkeypatch.undo()
    assert workspace.write(tmp_path, without("generated/stages/b-2/dvc.yaml")).edited == ()


def test_a_build_after_a_merge_conflict_owns_what_both_branches_made(tmp_path: Path) -> None:
    workspace.write(tmp_path, TREE)
    manifest, theirs = tmp_path / MANIFEST, tmp_path / "generated/stages/c-3/dvc.yaml"
    theirs.parent.mkdir()
    theirs.write_text("c\n")
    line = '    "generated/stages/b-2/dvc.yaml"'
    other = f'    "generated/stages/c-3/dvc.yaml": "{"0" * 64}"'
    ours = next(each for each in manifest.read_text().splitlines() if each.startswith(line))
    text = manifest.read_text().replace(ours, f"<<<<<<< ours\n{ours}\n=======\n{other}\n>>>>>>> theirs")
    manifest.write_text(text)
    changes = workspace.write(tmp_path, TREE)
    assert changes.leftover == ("generated/stages/c-3/dvc.yaml",)
    assert changes.edited == ()
    assert workspace.check(tmp_path, TREE).clean
