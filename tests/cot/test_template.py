"""The template language of prompts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.cot.prompting import PromptError, render
from cotspec.cot.template import MAX_LENGTH, faults, shown

ALLOWED = [
    ("{{ question }}", "Q"),
    ("{{question}} and {{ trace }}", "Q and t "),
    ("{{- question -}}  {{ trace | trim | upper }}", "QT"),
    ("{% if trace %}T{% else %}N{% endif %}{{ question }}", "TQ"),
    ("{% if not trace and question == 'Q' or 'x' in trace %}T{% elif question != trace %}U{% endif %}", "U"),
    ("{{ question if trace else 'none' }}", "Q"),
    ("{{ 'text' }}{# a comment #}", "text"),
    ("{% raw %}{{ anything.at.all() }}{% endraw %}{{ question }}", "{{ anything.at.all() }}Q"),
    ("no template at all", "no template at all"),
    ("{ { x } } }}", "{ { x } } }}"),
    ("{{ question | lower | capitalize | title }}", "Q"),
]


@pytest.mark.parametrize(("template", "prompt"), ALLOWED, ids=[t for t, _ in ALLOWED])
def test_what_a_prompt_needs_is_allowed(template: str, prompt: str) -> None:
    assert faults(template) == ()
    assert render(template, question="Q", trace="t ") == prompt


REFUSED = [
    ("{{ answer }}", "no name `answer`"),
    ("{{ range(10**9) | list }}", "cannot call"),
    ("{{ cycler }}", "no name `cycler`"),
    ("{{ self }}", "no name `self`"),
    ("{{ question.__class__ }}", "with `.`"),
    ("{{ question['__class__'] }}", "with `[ ]`"),
    ("{{ question[0:2] }}", "with `[ ]`"),
    ("{{ question | attr('__class__') }}", "no filter `attr`"),
    ("{{ question | map('upper') | list }}", "no filter"),
    ("{{ '%s' | format(question) }}", "no filter `format`"),
    ("{{ question | trim('x') }}", "no arguments"),
    ("{{ question | replace('', question) }}", "no filter `replace`"),
    ("{{ question.format(1) }}", "cannot call"),
    ("{{ 'a' * 10**9 }}", "cannot compute"),
    ("{{ 9**9**9 }}", "cannot compute"),
    ("{{ -1 }}", "cannot compute"),
    ("{{ 1 }}", "texts only"),
    ("{{ question + trace }}", "cannot compute"),
    ("{{ question ~ trace }}", "join values"),
    ("{{ [question] }}", "hold a list"),
    ("{{ {'a': question} }}", "hold a list"),
    ("{{ question, trace }}", "hold a list"),
    ("{{ question is defined }}", "cannot use `is`"),
    ("{{ question if trace }}", "without `else`"),
    ("{{ question < trace }}", "`==`, `!=` and `in` only"),
    ("{% for c in question %}{% for d in question %}x{% endfor %}{% endfor %}", "cannot loop"),
    ("{% set question = 'x' %}", "set a name"),
    ("{% set x %}{% endset %}", "set a name"),
    ("{% with x = 1 %}{% endwith %}", "set a name"),
    ("{% macro m() %}{{ m() }}{% endmacro %}", "define a macro"),
    ("{% call question() %}{% endcall %}", "call"),
    ("{% block b %}{% endblock %}", "define a block"),
    ("{% filter upper %}{% endfilter %}", "whole block"),
    ("{% include 'x' %}", "another template"),
    ("{% import 'x' as x %}", "another template"),
    ("{% from 'x' import y %}", "another template"),
    ("{% extends 'x' %}", "another template"),
    ("{% autoescape true %}{% endautoescape %}", "this construct"),
    ("{% do question %}", "cannot be read"),
    ("{{ question", "cannot be read"),
    ("{#\n", "cannot be read"),
    ("{{ 1" + "0" * 5000 + " }}", "cannot be read"),
    ("{{ '\\N{NO SUCH NAME}' }}", "cannot be read"),
    ("{{ " + "(" * 5000 + "question" + ")" * 5000 + " }}", "inside one another"),
    ("{{ " + "not " * 5000 + "question }}", "inside one another"),
    ("{{ question" + "|trim" * 5000 + " }}", "inside one another"),
    ("{% if trace %}" * 500 + "x" + "{% endif %}" * 500, "inside one another"),
    ("{{ question }}" * 51, "inserts something 51 times"),
    ("{% if trace %}{{ question }}{% endif %}" * 26, "inserts something 52 times"),
    ("x" * (MAX_LENGTH + 1), "100,001 characters"),
]


@pytest.mark.parametrize(("template", "said"), REFUSED, ids=[t[:40] for t, _ in REFUSED])
def test_everything_else_is_refused_before_it_runs(template: str, said: str) -> None:
    found = faults(template)
    assert said in found[0].message
    assert 1 <= found[0].line <= template.count("\n") + 1
    with pytest.raises(PromptError):
        render(template, question="q", trace="t")


@pytest.mark.parametrize(
    "template",
    [
        "{{" * 50_000,
        "{% raw %}" + "{{" * 49_000 + "{% endraw %}",
        "{# " + "{{" * 49_000 + " #}",
        "{% raw %}" + "{% " * 30_000,
        "{{ 'a' " + "~ 'a' " * 15_000 + "}}",
        "{{ " + "question | " * 9_000 + "trim }}",
        "{% if trace %}" * 7_000,
        "{{ question." + "a." * 40_000 + "a }}",
        "\n" * 99_000 + "{{ x }}",
        "{{ x }}" * 14_000,
    ],
    ids=lambda t: t[:20].strip() or "lines",
)
def test_a_long_template_is_judged_in_seconds(template: str) -> None:
    started = time.process_time()
    faults(template)
    if not faults(template):
        shown(template)
    assert time.process_time() - started < 10


def test_a_mistake_has_its_line_and_all_are_found() -> None:
    found = faults("{{ question }}\n{{ qestion }}\n{{ trace.x }}\n{% for a in b %}{% endfor %}")
    assert [(fault.line, fault.unknown) for fault in found] == [(2, "qestion"), (3, ""), (4, "")]


def test_variables_in_comments_and_raw_text_are_not_shown() -> None:
    assert shown("{# {{ trace }} #}{{ question }}") == {"question"}
    assert shown("{% raw %}{{ trace }}{% endraw %}{{ question }}") == {"question"}
    assert shown("{% if trace %}{{ question }}{% endif %}") == {"question", "trace"}
    assert shown("a {{trace}} b") == {"trace"}


TAGS = "{{ }} {% %} {# #} question trace | trim if endif for in a . ( ) ' raw endraw - ~ ** 9 é [ ] not else set ="
PIECES = st.sampled_from([*TAGS.split(), '"', " ", "\n"])


@given(st.lists(PIECES, max_size=30).map(" ".join) | st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=40))
def test_any_text_is_either_refused_or_renders_to_a_bounded_prompt(template: str) -> None:
    if not faults(template):
        prompt = render(template, question="q" * 100, trace="t" * 100)
        assert len(prompt) <= len(template) + 100 * template.count("question") + 100 * template.count("trace")
