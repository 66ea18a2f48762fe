"""The hooks of .pre-commit-hooks.yaml, run by the real pre-commit when somebody commits.

pre-commit would install cotspec from the repository into an environment of its own, which takes the package index and
some ten seconds; here the hooks' own entries and file patterns run with the cotspec of the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cotspec.cli import init

ROOT = Path(__file__).parents[1]
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
PRE_COMMIT = Path(sysconfig.get_path("scripts")) / "pre-commit"
WITH_PROMPT = ("evaluate:\n", "evaluate:\n  prompt: prompts/solve.jinja\n")
Commit = Callable[[], tuple[int, str]]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "cotspec").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cotspec "$@"\n')
    (commands / "cotspec").chmod(0o755)
    own = {"PRE_COMMIT_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), "GIT_CONFIG_GLOBAL": os.devnull}
    people = {f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return os.environ | own | people | {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def project(tmp_path: Path, environment: dict[str, str]) -> Path:
    """A project with the hooks installed and a first commit."""
    folder = tmp_path / "project"
    (folder / "specs/prompts").mkdir(parents=True)
    text = init.starter()
    assert WITH_PROMPT[0] in text
    (folder / "specs/one.yaml").write_text(text.replace(*WITH_PROMPT), encoding="utf-8")
    (folder / "specs/prompts/solve.jinja").write_text("{{ question }}\n")
    hooks = [hook | {"language": "system"} for hook in yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))]
    (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [{"repo": "local", "hooks": hooks}]}))
    for command in (
        ["git", "init", "-q"],
        [sys.executable, "-m", "cotspec", "build"],
        ["git", "add", "."],
        ["git", "commit", "-qm", "first"],
        [PRE_COMMIT, "install"],
    ):
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return folder


@pytest.fixture
def commit(project: Path, environment: dict[str, str]) -> Commit:
    def call() -> tuple[int, str]:
        subprocess.run(["git", "add", "."], cwd=project, env=environment, check=True)
        done = subprocess.run(
            ["git", "commit", "-m", "next"], cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return call


def verdicts(shown: str) -> list[str]:
    return [line.rpartition(".")[2].rpartition(")")[2] for line in shown.splitlines() if "...." in line]


def test_pre_commit_accepts_the_manifest() -> None:
    done = subprocess.run([PRE_COMMIT, "validate-manifest", MANIFEST], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_good_change_with_its_generated_files_passes(
    project: Path, commit: Commit, environment: dict[str, str]
) -> None:
    spec = project / "specs/one.yaml"
    spec.write_text(spec.read_text().replace("sampling: {n: 2,", "sampling: {n: 3,"))
    subprocess.run(["cotspec", "build"], cwd=project, env=environment, check=True, capture_output=True)
    code, shown = commit()
    assert (code, verdicts(shown)) == (0, ["Passed", "Passed"])


def test_a_misspelt_key_is_not_committed(project: Path, commit: Commit) -> None:
    spec = project / "specs/one.yaml"
    spec.write_text(spec.read_text().replace("sampling: {n: 2,", "smapling: {n: 2,"))
    code, shown = commit()
    assert (code, verdicts(shown)) == (1, ["Failed", "Failed"])
    assert "error[unknown-key] specs/one.yaml:" in shown
    assert "did you mean `sampling`?" in shown


def test_a_changed_prompt_checks_the_specs_that_use_it(project: Path, commit: Commit) -> None:
    (project / "specs/prompts/solve.jinja").write_text("{{ qeustion }}\n")
    code, shown = commit()
    assert code == 1
    assert "error[prompt-template] specs/prompts/solve.jinja:1:4" in shown


def test_a_change_that_was_not_compiled_fails_the_second_hook_alone(project: Path, commit: Commit) -> None:
    spec = project / "specs/one.yaml"
    spec.write_text(spec.read_text().replace("sampling: {n: 2,", "sampling: {n: 3,"))
    code, shown = commit()
    assert (code, verdicts(shown)) == (1, ["Passed", "Failed"])
    assert "stale: generated/reports/bridge-tiny/dvc.yaml" in shown


def test_a_generated_file_that_was_edited_fails(project: Path, commit: Commit) -> None:
    script = next(project.glob("generated/stages/*/launch.sh"))
    script.write_text(script.read_text() + "echo mine\n")
    code, shown = commit()
    assert (code, verdicts(shown)) == (1, ["Skipped", "Failed"])


def test_what_concerns_no_spec_runs_no_hook(project: Path, commit: Commit) -> None:
    (project / "README.md").write_text("hello\n")
    code, shown = commit()
    assert (code, verdicts(shown)) == (0, ["Skipped", "Skipped"])
