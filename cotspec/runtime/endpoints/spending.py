"""What a model behind a server has cost this project, and who answered: one line for every reply, as the server counts.

The lines stay when a task is done, so a budget holds for all runs of a project on this machine. Several processes may
add lines at a time.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from cotspec.runtime.endpoints.replies import Reply
from cotspec.spec.payload import EndpointModel, EndpointSettings

_MILLION: Final = 1_000_000
SELF_TEST: Final = "self-test"
"""Key of the replies to the self-test."""


def file_of(root: Path, ref: EndpointModel) -> Path:
    """Where the lines of a model are."""
    readable = re.sub(r"[^A-Za-z0-9.-]+", "-", ref.name)[:60].strip("-.")
    digest = sha256(f"{ref.url} {ref.name}".encode()).hexdigest()[:12]
    return root / ".cotspec" / "endpoints" / f"{readable}-{digest}.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """Tokens that were counted, and what they cost; 0 without prices."""

    tokens: int
    cost: float


class Spending:
    """The lines of a model, for one task that adds to them."""

    def __init__(self, file: Path, task: str, settings: EndpointSettings) -> None:
        self._file, self._task, self._settings = file, task, settings
        self._at = self._input = self._output = 0
        file.parent.mkdir(parents=True, exist_ok=True)
        self._end_torn_line()

    def add(self, key: str, reply: Reply, **more: bool) -> None:
        """A reply, whether there is a text in it or not."""
        told = {"input": reply.usage.input, "output": reply.usage.output, "thoughts": reply.usage.thoughts}
        said = {"model": reply.model, "system_fingerprint": reply.fingerprint, "fault": reply.fault}
        line = {"task": self._task, "key": key, **{name: value for name, value in (said | told).items() if value}}
        raw = json.dumps(line | more).encode() + b"\n"
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, raw)  # in one piece: other processes add lines, too
        finally:
            os.close(descriptor)

    def spent(self) -> Spent:
        """By all tasks until now."""
        for line in self._new():
            self._input += _tokens(line, "input")
            self._output += _tokens(line, "output")
        settings = self._settings
        cost = self._input * settings.price_input + self._output * settings.price_output
        return Spent(tokens=self._input + self._output, cost=cost / _MILLION)

    def exhausted(self) -> str:
        """Why nothing more may be asked; "" when something may."""
        settings, spent = self._settings, self.spent()
        if settings.budget_tokens and spent.tokens >= settings.budget_tokens:
            return f"the budget of {settings.budget_tokens:,} tokens is spent ({spent.tokens:,})"
        if settings.budget_cost and spent.cost >= settings.budget_cost:
            return f"the budget of {settings.budget_cost:g} is spent ({spent.cost:.4g})"
        return ""

    def tested(self) -> bool:
        """Whether the self-test of this task was done."""
        return any(line.get("task") == self._task and "same" in line for line in lines(self._file))

    def _new(self) -> Iterator[dict[str, Any]]:
        """The whole lines that were added since the last look."""
        try:
            with self._file.open("rb") as file:
                file.seek(self._at)
                raw = file.read()
        except FileNotFoundError:
            return
        whole = raw[: raw.rfind(b"\n") + 1]
        self._at += len(whole)
        yield from _parsed(whole)

    def _end_torn_line(self) -> None:
        """A kill may have torn the last line: the next one begins on its own."""
        try:
            with self._file.open("rb+") as file:
                if file.seek(0, os.SEEK_END) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
                    file.write(b"\n")
        except FileNotFoundError:
            return


def lines(file: Path) -> list[dict[str, Any]]:
    """All lines of a model."""
    try:
        return list(_parsed(file.read_bytes()))
    except FileNotFoundError:
        return []


def record(root: Path, ref: EndpointModel, task: str) -> dict[str, object]:
    """For the provenance of a task: who answered, how often, and the tokens that were counted."""
    own = [line for line in lines(file_of(root, ref)) if line.get("task") == task]
    who = Counter((str(line.get("model", "")), str(line.get("system_fingerprint", ""))) for line in own)
    same = [line["same"] for line in own if "same" in line]
    return {
        "asked": ref.name,
        **({"url": ref.url} if ref.url else {}),
        "answered": [
            {"model": model, "system_fingerprint": fingerprint, "replies": count}
            for (model, fingerprint), count in sorted(who.items())
        ],
        "tokens": {name: sum(_tokens(line, name) for line in own) for name in ("input", "output", "thoughts")},
        "without_text": sum("fault" in line for line in own),
        **({"same_prompt_same_text": bool(same[-1])} if same else {}),
    }


def _parsed(raw: bytes) -> Iterator[dict[str, Any]]:
    for line in raw.splitlines():
        try:
            value = json.loads(line)
        except ValueError:  # torn by a kill
            continue
        if isinstance(value, dict):
            yield value


def _tokens(line: dict[str, Any], name: str) -> int:
    value = line.get(name)
    return value if isinstance(value, int) else 0
