"""action.yml: valid for GitHub, safe whatever its inputs hold, and its scripts do what they say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import yaml

from cotspec.cli import init

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
SCRIPTS = [name for name, step in STEPS.items() if "run" in step]
SCRIPTS_OF_PYTHON = Path(sysconfig.get_path("scripts"))
Run = Callable[..., subprocess.CompletedProcess[str]]


def test_it_is_an_action_by_githubs_schema() -> None:
    """The schema is that of SchemaStore, as the development package check-jsonschema ships it."""
    file = resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/github-actions.json")
    jsonschema.Draft7Validator(json.loads(file.read_text(encoding="utf-8"))).validate(ACTION)


@pytest.mark.parametrize("step", SCRIPTS)
def test_no_input_is_part_of_a_script(step: str) -> None:
    """GitHub writes an expression into the script before the shell reads it: an input could be any command."""
    assert "${{" not in STEPS[step]["run"]


def test_every_input_is_used_and_described() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    for name, given in ACTION["inputs"].items():
        assert f"inputs.{name}" in text, name
        assert given["description"]


@pytest.mark.parametrize("step", SCRIPTS)
def test_scripts_pass_shellcheck(step: str) -> None:
    done = subprocess.run(
        [SCRIPTS_OF_PYTHON / "shellcheck", "--shell=bash", "-"],
        input=STEPS[step]["run"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "repository/experiments"
    (folder / "specs").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", tmp_path / "repository"], check=True)
    (folder / "pyproject.toml").write_text("")
    (folder / "specs/one.yaml").write_text(init.starter(), encoding="utf-8")
    return folder


@pytest.fixture
def run(tmp_path: Path, project: Path) -> Run:
    """Run a step as GitHub does: a file given to bash, inputs in the environment, in the working directory."""
    commands = tmp_path / "temp/cotspec/bin"
    commands.mkdir(parents=True)
    (commands / "python").symlink_to(sys.executable)
    (commands / "cotspec").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cotspec "$@"\n')
    (commands / "cotspec").chmod(0o755)

    def call(step: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "script.sh"
        script.write_text(STEPS[step]["run"], encoding="utf-8")
        environment = os.environ | {"RUNNER_TEMP": str(tmp_path / "temp"), "PYTHONPATH": str(ROOT)} | inputs
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", script]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    return call


def mistake(project: Path, name: str = "one") -> None:
    spec = project / f"specs/{name}.yaml"
    spec.write_text(init.starter().replace("epochs:", "epocs:", 1), encoding="utf-8")


def test_findings_are_put_on_the_lines_of_the_repository(project: Path, run: Run) -> None:
    mistake(project)
    done = run("Check specs", SPECS="", STRICT="true")
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=experiments/specs/one.yaml,line=")


def test_specs_are_one_per_line_and_may_have_any_name(project: Path, run: Run) -> None:
    (project / "specs/two words.yaml").write_text(init.starter().replace("bridge-tiny", "two"), encoding="utf-8")
    mistake(project)
    assert run("Check specs", SPECS="\n  specs/two words.yaml  \n\n", STRICT="false").returncode == 0
    assert run("Check specs", SPECS="specs/two words.yaml\nspecs/one.yaml", STRICT="false").returncode == 1


@pytest.mark.parametrize(
    "specs", ["--help", "$(touch pwned)", "`touch pwned`", "'; touch pwned; '", "-- x; touch pwned"]
)
def test_an_input_is_a_file_name_and_nothing_else(project: Path, run: Run, specs: str) -> None:
    done = run("Check specs", SPECS=specs, STRICT="true")
    assert done.returncode == 2
    assert f"there is no spec and no experiment `{specs}`" in done.stderr
    assert not (project / "pwned").exists()


def test_a_spec_that_is_not_there_is_an_error_at_its_file(project: Path, run: Run) -> None:
    done = run("Check specs", SPECS="specs/gone.yaml", STRICT="true")
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=experiments/specs/gone.yaml,line=1")


def test_ci_decides_whether_a_warning_fails(project: Path, run: Run) -> None:
    spec = project / "specs/one.yaml"
    spec.write_text(init.starter().replace("{builtin: tiny-student}", "{hub: a/b}", 1), encoding="utf-8")
    lax, strict = (run("Check specs", SPECS="", STRICT=ci) for ci in ("false", "true"))
    assert (lax.returncode, strict.returncode) == (0, 1)
    assert lax.stdout.startswith("::warning ")
    assert strict.stdout.startswith("::error ")


def test_drift_fails_and_what_the_log_quotes_is_no_command(project: Path, run: Run) -> None:
    done = run("Compare generated files", STRICT="false")
    lines = done.stdout.splitlines()
    token = lines[0].removeprefix("::stop-commands::")
    assert done.returncode == 1
    assert len(token) == 32
    assert lines[-2:] == [
        f"::{token}::",
        "::error title=cotspec::generated files are not what the specs compile to (cotspec build)",
    ]
    assert run("Compare generated files", STRICT="false").stdout.splitlines()[0] != lines[0]


def test_no_drift_passes(project: Path, run: Run) -> None:
    subprocess.run([sys.executable, "-m", "cotspec", "build"], cwd=project, check=True, capture_output=True)
    assert run("Compare generated files", STRICT="false").returncode == 0


@pytest.mark.parametrize("version", ["--help", "1.0; touch pwned", "1.0 @ file:x", "$(touch pwned)"])
def test_only_a_version_is_installed(project: Path, run: Run, tmp_path: Path, version: str) -> None:
    shutil.rmtree(tmp_path / "temp/cotspec")
    done = run("Install cotspec", VERSION=version, SOURCE=str(ROOT))
    assert done.returncode == 2
    assert "not a version" in done.stdout
    assert not (project / "pwned").exists()
