"""Entries → the text of cotspec.lock: one line each, sorted, so that a merge of two branches is a merge of lines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from cotspec.spec.lock import FORMAT, Key

HEADER: Final = "# What the specs of this project read. Made by `cotspec lock`; commit it.\n"
SECTIONS: Final = ("models", "data", "builtins", "files", "prompts")
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+)*")
_NOT_TEXT: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_UNSEEN: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufffe\uffff]")
"""What may not stand in YAML as it is, besides what JSON escapes by itself."""


def render(entries: Mapping[Key, str]) -> str:
    """The file. The same entries give the same bytes."""
    parts = [HEADER, f"lock: {FORMAT}\n"]
    for section in SECTIONS:
        below = {key[1:]: value for key, value in sorted(entries.items()) if key[0] == section}
        if below:
            parts.append(f"{section}:\n{_lines(below)}")
    return "".join(parts)


def _lines(entries: Mapping[Key, str]) -> str:
    lines: list[str] = []
    group = ""
    for key, value in entries.items():
        if len(key) == 2 and key[0] != group:
            group = key[0]
            lines.append(f"  {_key(group)}:\n")
        lines.append(f"{'  ' * len(key)}{_key(key[-1])}: {_quoted(value)}\n")
    return "".join(lines)


def _key(text: str) -> str:
    """A key that every YAML version reads as this text: quoted unless it can be nothing else (`1.0`, `no`, `~`)."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))
