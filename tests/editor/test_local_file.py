"""cotspec.local.yaml in an editor: the models of specs on the left, the folders of this machine on the right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editor.driver import Editor, cursor, editing

SPEC = """cotspec: 2
name: own
models: {student: {hub: Qwen/Qwen2.5-3B}, teacher: {endpoint: {model: r1, url: "http://lab:8000/v1"}}}
data: {train: {hub: openai/gsm8k, split: train}}
variants:
  sizes: {matrix: {models.student.hub: [Qwen/Qwen2.5-1.5B, Qwen/Qwen2.5-7B]}}
"""
MODELS = "Qwen/Qwen2.5-3B Qwen/Qwen2.5-1.5B Qwen/Qwen2.5-7B"
CASES = {
    "keys": ("‸", "models data endpoints cache device", "name"),
    "keys that are not there": ("models: {}\n‸", "data", "models"),
    "models of specs and variants": ("models:\n  ‸", MODELS, "openai/gsm8k student device"),
    "models in braces": ("models: {Qwen/Qwen2.5-3B: here, ‸}", "Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-3B"),
    "data sets of specs": ("data:\n  ‸", "openai/gsm8k", MODELS),
    "servers of specs": ("endpoints: {‸}", "http://lab:8000/v1", MODELS),
    "of a server": ("endpoints:\n  http://lab:8000/v1: {‸}", "key url", "models"),
    "folders of the project": ("models:\n  a/b: ‸", "specs/ kept/ own", "pyproject.toml .hidden/"),
    "a folder in one": ("models: {a/b: kept/‸}", "kept/qwen", "kept/notes.txt"),
    "a hidden folder": ("models: {a/b: .hi‸}", ".hidden/", "kept/notes.txt"),
    "a folder of the machine": ("cache: {folder}/ke‸", "{folder}/kept/", "device"),
    "a folder that is not there": ("models: {a/b: /no/such/folder/‸}", "", "specs/"),
    "GPUs": ("device: ‸", "H100 H200", "specs/"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("local").resolve() / "project"
    for name in ("specs", "own", "kept/qwen", ".hidden"):
        (folder / name).mkdir(parents=True)
    for name in ("own/config.json", "kept/qwen/config.json", "kept/notes.txt", "pyproject.toml", "cotspec.local.yaml"):
        (folder / name).touch()
    (folder / "specs/own.yaml").write_text(SPEC)
    return folder


@pytest.fixture(scope="module")
def editor(project: Path) -> Iterator[Editor]:
    with editing(project) as editor:
        editor.open(project / "cotspec.local.yaml")
        assert editor.findings(project / "cotspec.local.yaml") == []
        yield editor
        assert editor.messages == []


@pytest.mark.parametrize("case", CASES)
def test_what_is_offered(case: str, editor: Editor, project: Path) -> None:
    typed, offered, not_offered = (part.replace("{folder}", str(project)) for part in CASES[case])
    text, at = cursor(f"{typed}\n")
    editor.change(project / "cotspec.local.yaml", text)
    labels = {each.label for each in editor.completion(project / "cotspec.local.yaml", at)}
    assert set(offered.split()) <= labels
    assert not set(not_offered.split()) & labels


def test_what_is_said_of_a_place(editor: Editor, project: Path) -> None:
    file = project / "cotspec.local.yaml"
    for typed, parts in (
        ("mod‸els: {}", ("Folder of a `hub` model, by its id",)),
        ("models: {Qwen/Qwen2.5‸-7B: own}", ("named by `specs/own.yaml`", "Folder of a `hub` model")),
        ("models: {a/b: o‸wn}", ("The folder holds a model.",)),
        ("models: {a/b: ke‸pt}", ("The folder is there.",)),
        ("data: {a/b: no‸where}", ("no such folder",)),
        ("device: H1‸00", ("The GPU that `cotspec plan` estimates",)),
    ):
        text, at = cursor(f"{typed}\n")
        editor.change(file, text)
        said = editor.hover(file, at)
        assert [part for part in parts if part not in said] == [], typed


def test_findings_follow_what_is_typed_also_those_that_the_check_of_a_spec_has_found(
    editor: Editor, project: Path
) -> None:
    file, spec = project / "cotspec.local.yaml", project / "specs/own.yaml"
    editor.change(file, "modles: {}\n")
    while not (found := editor.findings(file)):
        pass
    assert [each.code for each in found] == ["unknown-key"]
    (fix,) = editor.fixes(file, found[0].range)
    assert fix.title == "Replace it with `models`"
    editor.open(spec)
    editor.findings(spec)
    editor.change(file, "models: {Qwen/Qwen2.5-3B: nowhere}\n")
    while [each.code for each in editor.findings(file)] != ["local-folder"]:
        pass
    editor.change(file, "models: {Qwen/Qwen2.5-3b: own}\n")
    while not (found := editor.findings(file)) or found[0].code != "local-id":
        pass
    (fix,) = editor.fixes(file, found[0].range)
    assert fix.title == "Replace it with `Qwen/Qwen2.5-3B`"
    editor.change(file, "models: {Qwen/Qwen2.5-3B: own}\n")
    editor.until_clean(file)
