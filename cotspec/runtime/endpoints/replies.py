"""A server's reply → a text, or why it is none. Pure: the one place that knows the shape of OpenAI's replies.

Thoughts. A server that parses them sends them beside the text (`reasoning_content`, or `reasoning`). They become what
the model wrote: in front of the text, between `<think>` and `</think>`, so that filters, masks and students see the
same as of a model that is asked without a server (cotspec.cot.thoughts). Thoughts that a server keeps to itself are no
part of the text; its count of tokens has them.

A text ends where its `stop` says, also where the server does not know such a stop; its tokens are those that the server
counted, which is what was written and paid for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cotspec.cot import stopping
from cotspec.cot.openers import THINK, THINK_ENDS
from cotspec.files import plain
from cotspec.runtime.engine import Completion
from cotspec.spec.payload import Stop

_REFUSED: Final = frozenset({"content_filter", "tool_calls", "function_call"})
_BROKEN: Final = frozenset({"", "error", "abort"})
"""Reasons to end that no text ends for; a server that gives none has not finished."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a reply took, as the server counted it; `output` has the thoughts, and None is what it did not count."""

    input: int | None = None
    output: int | None = None
    thoughts: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a server sent: a text, or why there is none."""

    completion: Completion | None
    usage: Usage
    model: str = ""
    """Who answered, as the server says."""
    fingerprint: str = ""
    """The `system_fingerprint` of who answered."""
    fault: str = ""
    """Why there is no text; "" where there is one."""
    again: bool = False
    """Whether to ask again can help."""
    other: str = ""
    """What was sent in place of a reply, where it is of another kind altogether."""


def read(raw: bytes, stop: Stop, *, chat: bool) -> Reply:
    """The reply that a body holds."""
    try:
        data = plain.json_value(raw)
    except plain.DataError as error:
        if other := _kind(raw):
            return _none(f"{other} in place of a reply", {}, other=other)
        return _none(f"half a reply: {error}", {})
    if not isinstance(data, dict):
        return _none("a reply that is no JSON object", {}, other="JSON that is no object")
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        told = f": {plain.sentence(complaint(raw))[:200]}" if data.get("error") else ""
        return _none(f"a reply without a choice{told}", data)
    ended = choice.get("finish_reason")
    ended = plain.sentence(ended)[:40] if isinstance(ended, str) else ""
    if ended in _REFUSED:
        return _none(f"the server ended the text with `{ended}`", data, again=False)
    if ended in _BROKEN:
        return _none(f"the server ended the text with `{ended}`" if ended else "half a reply: no `finish_reason`", data)
    text = _chat(choice.get("message"), cut=ended == "length") if chat else choice.get("text")
    if not isinstance(text, str) or not text.strip():
        return _none("an empty reply", data)
    tokens = _usage(data).output
    if not tokens:
        return _none(NO_USAGE, data)
    kept = stopping.cut(text, stop)
    completion = Completion(text=kept, tokens=tokens, truncated=ended == "length" and len(kept) == len(text))
    return _reply(completion, data)


NO_USAGE: Final = "a reply without `usage.completion_tokens`"


def names(raw: bytes) -> list[str] | None:
    """The models that a server lists; None when what it sends is no list."""
    try:
        data = plain.json_value(raw)
    except plain.DataError:
        return None
    listed = data.get("data") if isinstance(data, dict) else None
    if not isinstance(listed, list):
        return None
    return [each["id"] for each in listed if isinstance(each, dict) and isinstance(each.get("id"), str)]


def complaint(raw: bytes) -> str:
    """What a server says is wrong."""
    try:
        data = plain.json_value(raw)
    except plain.DataError:
        return raw[:1000].decode("utf-8", errors="replace")
    for key in ("error", "message", "detail"):
        if isinstance(data, dict) and data.get(key):
            data = data[key]
    return data if isinstance(data, str) else raw[:1000].decode("utf-8", errors="replace")


def _chat(message: object, *, cut: bool) -> str:
    if not isinstance(message, Mapping):
        return ""
    given = (message.get(name) for name in ("reasoning_content", "reasoning"))
    thoughts = next((each.strip() for each in given if isinstance(each, str) and each.strip()), "")
    content = message.get("content")
    content = content if isinstance(content, str) else ""
    if not thoughts:
        return content
    if cut and not content.strip():
        return f"{THINK}\n{thoughts}"
    return f"{THINK}\n{thoughts}\n{THINK_ENDS}\n\n{content.lstrip()}"


def _kind(raw: bytes) -> str:
    """What a body is that is no JSON, if it is not the half of some."""
    start = raw[:200].lstrip().decode("utf-8", errors="replace")
    if not start:
        return "nothing"
    if start.startswith(("data:", "event:", ":")):
        return "a stream of events"
    if start.startswith("<"):
        return "a web page"
    return "" if start.startswith("{") else f"a text ({plain.sentence(start)[:40]})"


def _none(fault: str, data: Mapping[str, Any], *, again: bool = True, other: str = "") -> Reply:
    return _reply(None, data, fault=fault, again=again, other=other)


def _reply(
    completion: Completion | None, data: Mapping[str, Any], *, fault: str = "", again: bool = False, other: str = ""
) -> Reply:
    model, fingerprint = data.get("model"), data.get("system_fingerprint")
    return Reply(
        completion=completion,
        usage=_usage(data),
        model=plain.sentence(model)[:200] if isinstance(model, str) else "",
        fingerprint=plain.sentence(fingerprint)[:200] if isinstance(fingerprint, str) else "",
        fault=fault,
        again=again,
        other=other,
    )


def _usage(data: Mapping[str, Any]) -> Usage:
    usage = data.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("completion_tokens_details")
    details = details if isinstance(details, dict) else {}
    return Usage(
        input=_count(usage.get("prompt_tokens")),
        output=_count(usage.get("completion_tokens")),
        thoughts=_count(details.get("reasoning_tokens")),
    )


def _count(value: object) -> int | None:
    try:
        return plain.count(value)
    except plain.DataError:
        return None
