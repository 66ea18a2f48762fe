"""Projects to preview in, and the command as a person runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cotspec import cli
from cotspec.builtin import digest
from tests.support import DIGESTS

ROOT = Path(__file__).parents[2]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git project with the shipped specs and those of the tests, with stand-ins for the builtin models' digests."""
    monkeypatch.setattr(digest, "manifest", lambda: DIGESTS)
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copytree(ROOT / "specs", folder / "specs")
    shutil.copytree(ROOT / "tests/specs", folder / "specs", dirs_exist_ok=True)
    subprocess.run(["git", "init", "-q", folder], check=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`cotspec preview …` in this process."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cotspec", "preview", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call
