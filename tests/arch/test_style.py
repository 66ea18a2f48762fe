"""The style gates, run as a person runs them: ruff, mypy strict, import contracts, no machine-bound text."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ruff", "check", "."], id="ruff_finds_nothing"),
        pytest.param(["ruff", "format", "--check", "."], id="ruff_would_reformat_nothing"),
        pytest.param(["mypy"], id="mypy_strict_finds_nothing"),
        pytest.param(["lint-imports", "--no-cache"], id="import_contracts_hold"),
    ],
)
def test_style_gate(command: list[str]) -> None:
    tool, *arguments = command
    result = subprocess.run([SCRIPTS / tool, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr


def tracked_text() -> list[tuple[str, str]]:
    """(path, text) of every tracked text file."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = []
    for name in filter(None, names.split("\0")):
        try:
            found.append((name, (ROOT / name).read_text(encoding="utf-8")))
        except (UnicodeDecodeError, FileNotFoundError):
            continue
    return found


def test_no_tracked_file_names_a_package_registry_or_a_folder_of_one_machine() -> None:
    registries = r"pypi\.[a-z]+/|pypi\.org|pythonhosted|registry\.npmjs|deb\.debian\.org"
    bad = re.compile(registries + r"|(?<![\w.])/(?:home|root|work)/\w")
    hits = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in tracked_text()
        if name != "tests/arch/test_style.py"
        for number, line in enumerate(text.splitlines(), 1)
        if bad.search(line)
    ]
    assert hits == []


def test_python_files_stay_small() -> None:
    lengths = {name: text.count("\n") for name, text in tracked_text() if name.endswith(".py")}
    assert {name: n for name, n in lengths.items() if n > 400} == {}


def test_style_gates_run_in_the_environment_under_test() -> None:
    assert Path(sys.prefix) in SCRIPTS.parents or SCRIPTS.is_relative_to(sys.prefix)
