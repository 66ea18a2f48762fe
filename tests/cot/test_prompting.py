"""Prompt templates."""

from __future__ import annotations

import pytest

from cotspec.cot.prompting import PromptError, check, default_prompt, render


@pytest.mark.parametrize("task", ["solve", "reconstruct", "complete", "rewrite"])
def test_default_prompts_show_the_question_and_all_but_solve_the_trace(task: str) -> None:
    prompt = render(default_prompt(task), question="HOW MANY", trace="THE TRACE")  # type: ignore[arg-type]
    assert ("HOW MANY" in prompt, "THE TRACE" in prompt) == (True, task != "solve")


def test_values_are_text_even_when_they_look_like_templates() -> None:
    assert render("{{ question }}|{{ trace }}", question="{{ trace }} <b>", trace="{% x") == "{{ trace }} <b>|{% x"


def test_checking_needs_no_values() -> None:
    check("{{ question }}")
    with pytest.raises(PromptError, match="`steps`"):
        check("{{ steps }}")
