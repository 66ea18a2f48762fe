"""What a server says in the prompt file of a spec, at the cursor `‸`."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from tests.editor.driver import Editor, cursor

SPEC = """\
cotspec: 2
name: two-texts
models: {student: {builtin: tiny-student}, teacher: {builtin: tiny-teacher}}
data:
  train: {builtin: chains, split: train, size: 40}
  test: {builtin: chains, split: test, size: 20}
generate:
  draft: {by: teacher, over: train}
  critique: {by: teacher, over: draft, prompt: critique.jinja}
stages:
  first:
    start: student
    train: {by: sft, lr: 1e-3, global_batch: 8}
    rows: {from: critique}
    task: solve
evaluate: {data: test, of: [student, first]}
"""


@pytest.fixture(scope="module")
def prompt(project: Path, editor: Editor) -> Path:
    """The prompt of a generation over another, open; its spec is not."""
    (project / "specs/two-texts.yaml").write_text(SPEC, encoding="utf-8")
    file = project / "specs/critique.jinja"
    file.write_text("{{ question }} {{ draft }}\n", encoding="utf-8")
    editor.open(file)
    return file


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("Judge it.\n{{ ‸ }}", {"question", "draft"}),
        ("{{ question }} {{ dr‸", {"question", "draft"}),
        ("{% if ‸ %}", {"question", "draft"}),
        ("{{ draft | ‸ }}", {"capitalize", "lower", "title", "trim", "upper"}),
        ("Judge ‸ it. {{ question }}", set()),
        ("{{ question }} ‸", set()),
    ],
)
def test_the_texts_of_its_records_are_offered(text: str, offered: set[str], editor: Editor, prompt: Path) -> None:
    whole, at = cursor(text)
    editor.change(prompt, whole)
    assert {each.label for each in editor.completion(prompt, at)} == offered


def test_a_text_says_what_it_is_and_where_it_is_written(editor: Editor, prompt: Path, project: Path) -> None:
    text, at = cursor("{{ question }} {{ dr‸aft }}")
    editor.change(prompt, text)
    assert "`{by: teacher, over: train}`" in editor.hover(prompt, at)
    found = editor.definition(prompt, at)
    assert found is not None
    assert (found.uri, found.range.start) == ((project / "specs/two-texts.yaml").as_uri(), types.Position(7, 2))


def test_a_mistake_in_a_prompt_that_is_not_saved_is_found_in_it(editor: Editor, prompt: Path, project: Path) -> None:
    spec = project / "specs/two-texts.yaml"
    editor.open(spec)
    editor.change(prompt, "{{ question }} {{ draft }}")
    editor.until_clean(spec)
    editor.change(prompt, "{{ question }}\n\U0001f600 {{ drft }}")
    while not (found := editor.findings(prompt)):
        pass
    assert (found[0].code, found[0].range.start) == ("prompt-template", types.Position(1, 6))


def test_a_file_that_is_no_prompt_has_nothing_offered(editor: Editor, project: Path) -> None:
    file = project / "specs/other.jinja"
    text, at = cursor("{{ ‸ }}")
    editor.open(file, text)
    assert editor.completion(file, at) == []
