"""What a reply of a server becomes: a text only when it is whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.runtime.endpoints import replies
from cotspec.spec.payload import Stop, UsualFormat

USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 2}}
NONE = Stop()
LINE = Stop(after="answer", format=UsualFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:"))


def reply(choice: Any, *, stop: Stop = NONE, chat: bool = True, **more: Any) -> replies.Reply:
    whole = {"choices": [choice], "usage": USAGE, "model": "m-1", "system_fingerprint": "fp"} | more
    return replies.read(json.dumps(whole).encode(), stop, chat=chat)


def said(content: str | None, ended: str | None = "stop", **more: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": content, **more}, "finish_reason": ended}


@pytest.mark.parametrize(
    ("choice", "text", "truncated"),
    [
        (said("Answer: 3"), "Answer: 3", False),
        (said("Answer: 3", "length"), "Answer: 3", True),
        (said("Answer: 3", "eos_token"), "Answer: 3", False),
        (said("Answer: 3", reasoning_content="So it is 3.\n"), "<think>\nSo it is 3.\n</think>\n\nAnswer: 3", False),
        (said("\n\nAnswer: 3", reasoning="So."), "<think>\nSo.\n</think>\n\nAnswer: 3", False),
        (said(None, "length", reasoning_content="So it"), "<think>\nSo it", True),
        (said("Answer: 3", reasoning_content=None), "Answer: 3", False),
    ],
)
def test_text_and_thoughts_become_what_the_model_wrote(choice: Any, text: str, truncated: bool) -> None:
    made = reply(choice)
    assert made.completion is not None
    assert (made.completion.text, made.completion.truncated, made.completion.tokens) == (text, truncated, 5)
    assert (made.model, made.fingerprint) == ("m-1", "fp")
    assert (made.usage.input, made.usage.output, made.usage.thoughts) == (7, 5, 2)


def test_a_text_ends_at_its_stop_and_was_then_not_cut_at_the_limit() -> None:
    made = reply(said("Answer: 3\nAnd so on", "length"), stop=LINE).completion
    assert made is not None
    assert (made.text, made.truncated, made.tokens) == ("Answer: 3", False, 5)
    plain = reply({"text": "a Question: b", "finish_reason": "stop"}, stop=Stop(texts=("Question:",)), chat=False)
    assert plain.completion is not None
    assert plain.completion.text == "a "


@pytest.mark.parametrize(
    ("raw", "fault", "again"),
    [
        (b'{"choices": [{"mess', "half a reply", True),
        (b"<html>busy</html>", "a web page in place of a reply", True),
        (b"[]", "no JSON object", True),
        (b'{"choices": []}', "without a choice", True),
        (b'{"error": {"message": "no\\ncredit"}}', "without a choice: no credit", True),
        (json.dumps({"choices": [said("x", None)], "usage": USAGE}).encode(), "no `finish_reason`", True),
        (json.dumps({"choices": [said("x", "error")], "usage": USAGE}).encode(), "with `error`", True),
        (json.dumps({"choices": [said(" \n")], "usage": USAGE}).encode(), "an empty reply", True),
        (json.dumps({"choices": [said(None)], "usage": USAGE}).encode(), "an empty reply", True),
        (json.dumps({"choices": [said("x")]}).encode(), "without `usage.completion_tokens`", True),
        (json.dumps({"choices": [said("x")], "usage": {"completion_tokens": 0}}).encode(), "without `usage", True),
        (json.dumps({"choices": [said("x", "content_filter")], "usage": USAGE}).encode(), "`content_filter`", False),
        (json.dumps({"choices": [said(None, "tool_calls")], "usage": USAGE}).encode(), "`tool_calls`", False),
    ],
)
def test_anything_less_is_no_text(raw: bytes, fault: str, again: bool) -> None:
    made = replies.read(raw, Stop(), chat=True)
    assert made.completion is None
    assert fault in made.fault
    assert made.again is again


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "message", "content", "text", "finish_reason", "usage", "completion_tokens", "error"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON, st.booleans())
def test_no_reply_breaks_anything(value: Any, chat: bool) -> None:
    raw = json.dumps(value).encode()
    made = replies.read(raw, Stop(), chat=chat)
    assert (made.completion is None) == bool(made.fault)
    assert replies.names(raw) is None or isinstance(value, dict)
    assert isinstance(replies.complaint(raw), str)


@given(st.binary(max_size=200))
def test_no_bytes_break_anything(raw: bytes) -> None:
    assert replies.read(raw, Stop(), chat=True).completion is None
    assert replies.names(raw) is None
    assert isinstance(replies.complaint(raw), str)
