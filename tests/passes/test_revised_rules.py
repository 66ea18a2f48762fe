"""Texts that another model corrects: who can, and of which texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import Change, Told, found, second

FAR = ("  base: {", "  far: {endpoint: {model: m}}\n  base: {")
OF = "generate: {teach: {by: tutor, over: train}}"


def revised(given: str) -> list[Change]:
    """The second stage is shown texts of `base` that are corrected."""
    texts = f"generate: {{teach: {{by: tutor, over: train}}, draft: {{by: base, over: train}}, mended: {{{given}}}}}"
    return [(OF, texts), second("{from: mended}", task="rewrite")]


HITS: dict[str, tuple[list[Change], Told]] = {
    "questions": (
        revised("by: base, over: train, revise: tutor"),
        ("error", "revised", "train", "`train` has questions, and no text to correct"),
    ),
    "by itself": (
        revised("by: base, over: draft, revise: base"),
        ("error", "revised", "base", "`base` agrees with itself everywhere"),
    ),
    "by nobody of that name": (
        revised("by: base, over: draft, revise: tuto"),
        ("error", "unknown-reference", "tuto", "there is no model or stage `tuto`"),
    ),
    "by a server": (
        [*revised("by: base, over: draft, revise: far"), FAR],
        ("error", "revised", "far", "`far` is a server, which gives no probabilities"),
    ),
    "by a stage that learns of them": (
        revised("by: base, over: draft, revise: second"),
        ("error", "stage-order", "second", "stage `second` uses itself"),
    ),
}


@pytest.mark.parametrize(("changes", "finding"), HITS.values(), ids=HITS)
def test_what_cannot_be_corrected_is_found_at_its_place(changes: list[Change], finding: Told, tmp_path: Path) -> None:
    assert finding in found(tmp_path, *changes)


def test_a_prompt_does_not_show_what_is_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "again.jinja").write_text("{{ question }} {{ draft }}", encoding="utf-8")
    told = found(tmp_path, *revised("by: base, over: draft, revise: tutor, prompt: again.jinja"))
    message = "`again.jinja` shows `draft`, which the writer goes on with"
    assert ("error", "revised", "again.jinja", message) in told
