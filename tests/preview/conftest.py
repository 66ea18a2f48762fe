"""Projects to preview in, and the command as a person runs it."""

from __future__ import annotations

import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.support import Run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git project with the shipped specs and those of the tests."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copytree(ROOT / "specs", folder / "specs")
    shutil.copytree(ROOT / "tests/specs", folder / "specs", dirs_exist_ok=True)
    subprocess.run(["git", "init", "-q", folder], check=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(run: Run) -> Run:
    """`cotspec preview …` in this process."""
    return partial(run, "preview")
