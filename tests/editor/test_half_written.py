"""A spec of which only a part is there, and a server that is asked at any place of it, answers and lives."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from lsprotocol import types

from tests.editor.driver import Editor

SPECS = ("bridge-tiny.yaml", "tiny/ablations.yaml", "methods/scr/paper.yaml")
SAMPLE = 15
"""Places of each spec that the suite asks at; the long part asks at all."""


def asked(editor: Editor, file: Path, text: str, places: list[int], *, cut: bool) -> None:
    """Ask everything at places of a text; each answer is one, or the client raises what the server said."""
    for place in places:
        before = text[:place]
        if cut:
            editor.change(file, before)
        at = types.Position(before.count("\n"), len(before) - before.rfind("\n") - 1)
        editor.completion(file, at)
        editor.hover(file, at)
        editor.definition(file, at)
        editor.fixes(file, types.Range(at, at))


def ask_everywhere(editor: Editor, project: Path, spec: str, most: int | None) -> None:
    file = project / "specs" / spec
    text = file.read_text(encoding="utf-8")
    editor.open(file)
    assert text.isascii() or len(text.encode("utf-16-le")) == 2 * len(text)  # so that characters are units
    places = list(range(len(text) + 1))
    chosen = places if most is None else sorted(random.Random(spec).sample(places, most))
    asked(editor, file, text, chosen, cut=False)
    asked(editor, file, text, chosen, cut=True)
    editor.close(file)


@pytest.mark.parametrize("spec", SPECS)
def test_any_place_of_any_part_of_a_spec_has_an_answer(spec: str, editor: Editor, project: Path) -> None:
    ask_everywhere(editor, project, spec, SAMPLE)


@pytest.mark.long
@pytest.mark.parametrize("spec", SPECS)
def test_every_place_of_every_part_of_a_spec_has_an_answer(spec: str, editor: Editor, project: Path) -> None:
    ask_everywhere(editor, project, spec, None)


def test_a_line_that_is_garbage_costs_only_what_it_says(editor: Editor, tiny: tuple[Path, str]) -> None:
    lines = tiny[1].split("\n")
    chance = random.Random(1)
    for _ in range(SAMPLE):
        broken = list(lines)
        at = chance.randrange(len(lines))
        broken[at] = "".join(
            chance.choice("{}[]:,\"'#&*!|>%@` \t-ab\U0001f600\u2028") for _ in range(chance.randrange(1, 30))
        )
        editor.change(tiny[0], "\n".join(broken))
        for line in (at, max(0, at - 1), chance.randrange(len(lines))):
            place = types.Position(line, chance.randrange(20))
            editor.completion(tiny[0], place)
            editor.hover(tiny[0], place)
            editor.definition(tiny[0], place)
