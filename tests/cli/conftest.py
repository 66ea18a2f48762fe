"""A project, and commands run in it in this process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cotspec import cli
from cotspec.builtin import digest
from cotspec.cli import init
from tests.cli.helpers import Run
from tests.support import DIGESTS


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git project with one spec, with stand-ins for the builtin models' digests."""
    monkeypatch.setattr(digest, "manifest", lambda: DIGESTS)
    folder = tmp_path / "project"
    (folder / "specs").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", folder], check=True)
    (folder / "specs/one.yaml").write_text(init.starter(), encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cotspec", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call
