"""Replies that come in pieces: what they come to is what the server would have sent at once."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.files.plain import DataError
from cotspec.runtime.endpoints import replies
from cotspec.runtime.endpoints.streams import Stream
from cotspec.spec.payload import Stop

USAGE = {"prompt_tokens": 7, "completion_tokens": 5}
END = {"choices": [], "usage": USAGE, "model": "m-1"}


def chunk(ended: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": ended}]}


def sent(*events: dict[str, Any]) -> bytes:
    return b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events) + b"data: [DONE]\n\n"


def read(raw: bytes, cuts: list[int] | None = None) -> tuple[replies.Reply, str]:
    """The reply, and what was heard."""
    pieces = list[str]()
    stream = Stream(pieces.append, chat=True)
    places = [0, *sorted(cuts or ()), len(raw)]
    for start, end in pairwise(places):
        stream.add(raw[start:end])
    assert stream.began
    return replies.read(stream.whole(), Stop(), chat=True), "".join(pieces)


def test_thoughts_are_heard_between_their_tags_and_the_text_is_that_of_a_whole_reply() -> None:
    for thoughts in ("reasoning_content", "reasoning"):
        pieces = (chunk(role="assistant", content=""), chunk(**{thoughts: "So it "}), chunk(**{thoughts: "is 3."}))
        reply, heard = read(sent(*pieces, chunk(content="Answer"), chunk("stop", content=": 3"), END))
        assert reply.completion is not None
        assert heard == reply.completion.text == "<think>\nSo it is 3.\n</think>\n\nAnswer: 3"
        assert (reply.completion.tokens, reply.model) == (5, "m-1")


def test_thoughts_that_come_under_both_names_are_heard_once() -> None:
    pieces = (chunk(reasoning_content=each, reasoning=each) for each in ("So it ", "is 3."))
    reply, heard = read(sent(*pieces, chunk("stop", content="3"), END))
    assert reply.completion is not None
    assert heard == reply.completion.text == "<think>\nSo it is 3.\n</think>\n\n3"


def test_a_line_that_never_ends_costs_what_its_bytes_cost() -> None:
    piece, took = b"x" * 1000, list[float]()
    for count in (2_000, 16_000):
        stream, begun = Stream(list[str]().append, chat=True), time.process_time()
        for _ in range(count):
            stream.add(piece)
        stream.whole()
        took.append(time.process_time() - begun)
    assert took[1] < 32 * took[0] + 0.1  # 64 times, were the line copied for each piece


@given(st.text(min_size=1).filter(str.strip), st.lists(st.integers(0, 400)))
def test_wherever_the_network_cuts_it_the_text_is_the_same(text: str, cuts: list[int]) -> None:
    raw = sent(chunk(content=text[:1]), chunk("length", content=text[1:]), END)
    raw = raw.replace(b"\n\n", b"\r\n\r\n: alive\r\n")
    reply, heard = read(raw, [cut % len(raw) for cut in cuts])
    assert reply.completion is not None
    assert heard == reply.completion.text == text
    assert reply.completion.truncated


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([chunk(content="Ans")], "half a reply: no `finish_reason`"),
        ([chunk(content="Ans"), {"error": {"message": "overloaded"}}], "a reply without a choice: overloaded"),
        ([chunk("content_filter", content="Ans"), END], "the server ended the text with `content_filter`"),
        ([chunk("stop", content="Ans")], replies.NO_USAGE),
        ([{"choices": "none"}, {"choices": [1]}, END], "half a reply: no `finish_reason`"),
    ],
)
def test_what_is_no_whole_text_is_a_fault(events: list[dict[str, Any]], fault: str) -> None:
    reply, _ = read(sent(*events))
    assert (reply.completion, reply.fault) == (None, fault)


def test_an_event_that_is_no_json_is_refused_and_a_reply_that_came_at_once_is_no_stream() -> None:
    with pytest.raises(DataError):
        read(b'data: {"choices"\n\n')
    stream = Stream(list[str]().append, chat=True)
    stream.add(b'{"choices": []}')
    assert not stream.began
