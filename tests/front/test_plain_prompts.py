"""Prompts that only insert their names are told from others without jinja2, which must agree on each of them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cotspec.cot import template

PIECES = ("{", "}", "{{", "}}", "%", "#", "-", "+", " ", "\n", "question", "trace", "tracer", "x", '"', "'", "|", "raw")


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("{{ question }}\n\n{{trace}}")
@example("{{{ question }}}")
@example("{{{question}}% x %}")
@example("{{ question }}{{ tracer }}")
@example("{{ raw }}")
@example("{{ endif }}")
@example("{{ trim }}")
def test_what_passes_without_jinja_passes_with_it(text: str) -> None:
    if template._plain(text):
        tree = template._parsed(text)
        assert not isinstance(tree, template.Fault)
        assert list(template._judge(tree, template.shown(text))) == []
        assert template.shown(text) == set(template._names(tree))


@pytest.mark.parametrize("word", sorted(template.WORDS))
def test_a_word_that_means_something_in_a_template_is_never_taken_for_a_name(word: str) -> None:
    assert not template._plain(f"{{{{ {word} }}}}")


@pytest.mark.parametrize("text", ["Only text, { and }.", "{{question}} and {{  trace  }}: {{ question }}"])
def test_a_prompt_that_inserts_names_needs_no_jinja(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)  # an import would raise
    assert template.faults(text) == ()
