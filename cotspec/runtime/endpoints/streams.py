"""A reply that comes in pieces (`stream: true`, server-sent events) → the reply that would have come whole.

Pure. What is read of OpenAI's chunks is put together again as one body, so `replies` alone says what a reply means.
"""

from __future__ import annotations

import json
from typing import Any, Final

from cotspec.cot.openers import THINK, THINK_ENDS
from cotspec.files import plain
from cotspec.runtime.engine import Heard

_DATA: Final = b"data:"
_DONE: Final = b"[DONE]"
_THOUGHTS: Final = ("reasoning_content", "reasoning")


class Stream:
    """The events of one reply; `heard` is told its text as it comes, thoughts between their tags."""

    def __init__(self, heard: Heard, *, chat: bool) -> None:
        self._heard, self._chat = heard, chat
        self._rest: list[bytes] = []
        """A line that has not ended yet, in the pieces it came in: joined once, however many they are."""
        self._told: dict[str, Any] = {}
        """All but the choice, as it was said last: who answers, what it took, what went wrong."""
        self._parts: dict[str, list[str]] = {}
        """The pieces of each text: `content`, `text`, thoughts."""
        self._ended: object = None
        self.began = False
        """Whether what came is a stream at all: a server may answer whole, whatever it is asked."""

    def add(self, raw: bytes) -> None:
        """What has come next, cut anywhere. Raises DataError for an event that is no JSON."""
        first, *others = raw.split(b"\n")
        self._rest.append(first)
        for line in others:
            self._line(b"".join(self._rest).strip())
            self._rest = [line]

    def whole(self) -> bytes:
        """The body of a reply that came at once."""
        self._line(b"".join(self._rest).strip())
        texts = {name: "".join(parts) for name, parts in self._parts.items()}
        choice = {"finish_reason": self._ended, **({"message": texts} if self._chat else texts)}
        choices = {} if "error" in self._told else {"choices": [choice]}
        return json.dumps(self._told | choices).encode()

    def _line(self, line: bytes) -> None:
        """A comment, the name of an event, an empty line, or the data of one."""
        if not line.startswith(_DATA):
            return
        self.began = True
        data = line.removeprefix(_DATA).strip()
        if data and data != _DONE:
            self._event(plain.json_value(data))

    def _event(self, event: object) -> None:
        if not isinstance(event, dict):
            return
        self._told |= {name: value for name, value in event.items() if name != "choices" and value is not None}
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return
        self._ended = choice.get("finish_reason") or self._ended
        said = choice.get("delta") if self._chat else choice
        for name in (*_THOUGHTS, "content") if self._chat else ("text",):
            piece = said.get(name) if isinstance(said, dict) else None
            if isinstance(piece, str) and piece:
                self._piece(name, piece)

    def _piece(self, name: str, piece: str) -> None:
        thoughts = next((each for each in self._parts if each in _THOUGHTS), "")
        twice = name in _THOUGHTS and thoughts not in ("", name)  # some servers send thoughts under both names
        if name in _THOUGHTS and not thoughts:
            before = f"{THINK}\n"
        elif name == "content" and thoughts and "content" not in self._parts:
            before = f"\n{THINK_ENDS}\n\n"
        else:
            before = ""
        self._parts.setdefault(name, []).append(piece)
        if not twice:
            self._heard(before + piece)
