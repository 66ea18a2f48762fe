"""docs/spec.md is what the spec's classes say."""

from __future__ import annotations

from pathlib import Path

from cotspec.spec.key_docs import meanings
from cotspec.spec.reference import markdown
from cotspec.trainers.grpo import Grpo
from cotspec.trainers.sft import Sft

PAGE = Path(__file__).parents[2] / "docs" / "spec.md"


def test_reference_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "run `python -m cotspec.spec.reference > docs/spec.md`"


def test_every_key_of_the_trainers_has_a_meaning_on_the_page() -> None:
    page = markdown()
    for model in (Sft, Grpo):
        for name in model.model_fields:
            assert meanings(model)[name], name
            assert f"| `{name}` |" in page
