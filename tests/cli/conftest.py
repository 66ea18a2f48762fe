"""A project, and commands run in it in this process."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cotspec.cli import init


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git project with one spec."""
    folder = tmp_path / "project"
    (folder / "specs").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", folder], check=True)
    (folder / "specs/one.yaml").write_text(init.starter(), encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder
