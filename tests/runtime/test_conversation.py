"""A chat template is a program of a stranger: it ends in time, within memory, with a text of bounded length."""

from __future__ import annotations

import time

import pytest

from cotspec.runtime import conversation
from cotspec.runtime.conversation import ConversationError, render

TURNS = [{"role": "user", "content": "How many?"}]


def test_a_conversation_is_what_the_library_writes() -> None:
    text = "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{{ extra }}"
    assert render(TURNS, text, {"bos_token": "<s>", "extra": "!"}) == "<s><user>How many?!"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "takes more than 1 s"),
        ("{{ 9 ** 99999999 }}", "takes more than 1 s"),
        ("{{ 'x' * 10 ** 12 }}", "takes more than 1,073,741,824 bytes"),
        ("{% set n = 1 %}{{ '%999999999999d' % n }}", "takes more than 1,073,741,824 bytes"),
        ("{% set n = 20000000 %}{{ 'x' * n }}", "writes more than 10,000,000 characters"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "fails: RecursionError"),
        ("{{ range(10 ** 9) }}", "fails: OverflowError"),
        ("{{ 1 // 0 }}", "fails: ZeroDivisionError"),
        ("{{ ''.__class__.__mro__ }}", "fails: access to attribute"),
        ("{% for", "fails: "),
    ],
)
def test_a_template_that_would_not_end_is_ended(template: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "SECONDS", 1)
    started = time.monotonic()
    with pytest.raises(ConversationError, match=told):
        render(TURNS, template, {})
    assert time.monotonic() - started < 60
    assert render(TURNS, "{{ messages[0].content }}", {}) == "How many?", "the next one is rendered as ever"


def test_a_missing_name_is_told_apart() -> None:
    for template, undefined in (("{{ gone.x }}", True), ("{{ raise_exception('no') }}", False)):
        with pytest.raises(ConversationError) as caught:
            conversation.render(TURNS, template, {})
        assert caught.value.undefined is undefined
