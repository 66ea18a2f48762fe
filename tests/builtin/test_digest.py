"""Digests of the builtin models are over every file and its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotspec.builtin import digest
from cotspec.builtin.registry import MODELS


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        (tmp_path / name / "weights").write_bytes(name.encode())
    return tmp_path


def test_a_changed_renamed_or_added_file_changes_the_digest(models: Path) -> None:
    seen = {digest.folder_digest(models / "one")}
    (models / "one/weights").write_bytes(b"ONE")
    seen.add(digest.folder_digest(models / "one"))
    (models / "one/weights").rename(models / "one/other")
    seen.add(digest.folder_digest(models / "one"))
    (models / "one/sub").mkdir()
    (models / "one/sub/more").write_text("")
    seen.add(digest.folder_digest(models / "one"))
    assert len(seen) == 4


def test_the_digest_does_not_depend_on_the_folder(models: Path) -> None:
    before = digest.folder_digest(models / "one")
    (models / "one").rename(models / "elsewhere")
    assert digest.folder_digest(models / "elsewhere") == before


def test_verifying_names_what_is_missing_new_or_changed(models: Path, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    right = digest.compute(models)
    path.write_text(f'{{"one": "{right["one"]}", "two": "0", "three": "0"}}')
    assert digest.problems(models=models, path=path) == [
        "three is in the manifest and not there",
        "the files of two are not those of the manifest",
    ]
    path.write_text(f'{{"one": "{right["one"]}"}}')
    assert digest.problems(models=models, path=path) == ["two is not in the manifest"]


def test_the_shipped_models_are_those_of_the_manifest() -> None:
    if not digest.MANIFEST.exists():
        pytest.skip("the builtin models are not trained yet: cotspec/builtin/manifest.json is absent")
    assert digest.problems() == []
    assert set(digest.manifest()) == set(MODELS)
