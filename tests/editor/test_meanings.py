"""What a server says of a place (`‸`) of a spec, and where it says that it is defined."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from tests.editor.driver import Editor, cursor

#: in bridge-tiny: the place, what is said of it, and the line that defines it
PLACES = {
    "a key": ("weight_d‸ecay", ("a number, at least 0", "AdamW weight decay", "Default: `0.0`"), ""),
    "a model": ("by: tea‸cher", ("model", "`{builtin: tiny-teacher}`", "specs/bridge-tiny.yaml:10"), "  teacher: {"),
    "a stage": ("start: stru‸cture", ("stage",), "  structure: "),
    "a data set": ("over: tr‸ain", ("data set",), "  train: {"),
    "a stage as a key": ("stages: {stru‸cture", ("stage",), "  structure: "),
    "a segment": ("loss: [think‸ing", ("segment",), "  thinking: {"),
    "a measure": ("{unless: corr‸ect", ("condition", "the answer equals the gold answer"), ""),
    "a measure of a text": ("teach.corr‸ect and", ("condition", "of `teach`"), "  teach: "),
    "a function": ("cur‸ve(words", ("function", "Straight lines between two points"), ""),
    "a group": ("  comp‸ress: ", ("One training stage",), ""),
    "a rule": ("rule: slice-past‸-end", ("A slice ends where its rows end",), ""),
    "a value": ("select: scat‸tered", ("`scattered`", "Which"), ""),
    "a comment": ("# hints fa‸de", (), ""),
}


@pytest.mark.parametrize(("case", "ending"), [*((case, "\n") for case in PLACES), ("a measure of a text", "\r\n")])
def test_what_is_said_of_a_place(case: str, ending: str, editor: Editor, tiny: tuple[Path, str]) -> None:
    place, parts, defined = PLACES[case]
    old = place.replace("‸", "")
    assert old in tiny[1]
    text, at = cursor(tiny[1].replace(old, place, 1).replace("\n", ending))
    editor.change(tiny[0], text)
    said = editor.hover(tiny[0], at)
    assert [part for part in parts if part not in said] == []
    assert bool(said) is bool(parts)
    found = editor.definition(tiny[0], at)
    lines = text.replace("\r\n", "\n").split("\n")
    assert (lines[found.range.start.line] if found else "").startswith(defined)
    assert bool(found) is bool(defined)


def test_a_setting_of_a_variant_says_what_it_is_without_it_and_where(
    editor: Editor, ablations: tuple[Path, str], tiny: tuple[Path, str]
) -> None:
    for place in ("stages.compress.sta‸rt: student", "stages.compress.start: stu‸dent"):
        text, at = cursor(ablations[1].replace(place.replace("‸", ""), place))
        editor.change(ablations[0], text)
        assert "Without the variant: `structure` (`specs/bridge-tiny.yaml:44`)" in editor.hover(ablations[0], at)
    text, at = cursor(ablations[1].replace("stages.compress.start", "stages.compress.sta‸rt", 1))
    found = editor.definition(ablations[0], at)
    assert found is not None
    assert (found.uri, found.range.start) == (tiny[0].as_uri(), types.Position(43, 4))


def test_a_file_that_is_named_can_be_gone_to(editor: Editor, ablations: tuple[Path, str], project: Path) -> None:
    text, at = cursor(ablations[1].replace("recipe.yaml", "reci‸pe.yaml", 1))
    editor.change(ablations[0], text)
    found = editor.definition(ablations[0], at)
    assert found is not None
    assert found.uri == (project / "specs/tiny/recipe.yaml").as_uri()
    outside, at = cursor(ablations[1].replace("extends: recipe.yaml", "extends: ../../../out‸side.yaml", 1))
    (project.parent / "outside.yaml").write_text("cotspec: 2\n", encoding="utf-8")
    editor.change(ablations[0], outside)
    assert editor.definition(ablations[0], at) is None


def test_a_finding_says_why_there_is_such_a_rule(editor: Editor, tiny: tuple[Path, str]) -> None:
    text, at = cursor(tiny[1].replace("start: structure", "start: stru‸cure", 1))
    while not editor.published[tiny[0].as_uri()].empty():
        editor.findings(tiny[0])
    editor.change(tiny[0], text)
    while not any(one.code == "unknown-reference" for one in editor.findings(tiny[0])):
        pass
    assert "a misspelt one would leave a stage without a model" in editor.hover(tiny[0], at)


def test_what_a_spec_says_is_no_markup(editor: Editor, tiny: tuple[Path, str]) -> None:
    """A picture in what is shown would tell its server who reads the spec."""
    picture = "![x](https://example.com/x.png)"
    text = tiny[1].replace("{builtin: tiny-teacher}", f'{{hub: "`` {picture}", system: "`{picture}"}}')
    text, at = cursor(text.replace("by: teacher", "by: tea‸cher", 1))
    editor.change(tiny[0], text)
    said = editor.hover(tiny[0], at)
    assert picture in said
    (line,) = (each for each in said.split("\n") if picture in each)
    assert line.startswith("`")
    assert line.endswith("`")
    assert "`" not in line[1:-1]
