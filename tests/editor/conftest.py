"""One project and one server for the tests of a module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editor.driver import Editor, editing

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the shipped specs."""
    folder = tmp_path_factory.mktemp("editor").resolve() / "project"
    shutil.copytree(ROOT / "specs", folder / "specs")
    (folder / "pyproject.toml").touch()
    return folder


@pytest.fixture(scope="module")
def editor(project: Path) -> Iterator[Editor]:
    with editing(project) as editor:
        yield editor
        assert editor.messages == []


@pytest.fixture(scope="module")
def tiny(project: Path, editor: Editor) -> tuple[Path, str]:
    """bridge-tiny, open, and its text."""
    file = project / "specs/bridge-tiny.yaml"
    editor.open(file)
    assert editor.findings(file) == []
    return file, file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def ablations(project: Path, editor: Editor) -> tuple[Path, str]:
    """A spec of variants that extends another one, open, and its text."""
    file = project / "specs/tiny/ablations.yaml"
    editor.open(file)
    assert editor.findings(file) == []
    return file, file.read_text(encoding="utf-8")
