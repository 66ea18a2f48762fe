"""docs/texts.md: its spec, and each change to it as a spec that extends it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import Run

PAGE = (Path(__file__).parents[2] / "docs" / "texts.md").read_text(encoding="utf-8")
FIRST, *CHANGES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
(PROMPT,) = re.findall(r"```jinja\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("change", ["", *CHANGES], ids=lambda text: " ".join(text.split())[:50] or "the spec itself")
def test_every_block_of_the_page_is_a_spec_without_mistakes(change: str, tmp_path: Path, run: Run) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "refine.jinja").write_text(PROMPT, encoding="utf-8")
    (tmp_path / "prompts" / "lessons.jinja").write_text(
        "{{ solved }}\n\nWhat do you learn from these?\n", encoding="utf-8"
    )
    (tmp_path / "prompts" / "with-lessons.jinja").write_text("{{ lessons }}\n\n{{ question }}\n", encoding="utf-8")
    (tmp_path / "refine.yaml").write_text(FIRST, encoding="utf-8")
    (tmp_path / "changed.yaml").write_text(f"extends: refine.yaml\nname: changed\n{change}", encoding="utf-8")
    code, out, err = run("check", "changed.yaml" if change else "refine.yaml", folder=tmp_path)
    assert code == 0, err + out
    code, out, err = run("preview", "changed.yaml" if change else "refine.yaml", "learn", folder=tmp_path)
    assert code == 0, err
    assert "Prompt" in out
