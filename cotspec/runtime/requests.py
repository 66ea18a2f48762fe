"""What is asked of a model, and the file of what it has answered: the resume state of every generation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

from cotspec.runtime.engine import Completion
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.spec.payload import Sampling


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A prompt to complete; `key` names it within its job and picks its random numbers."""

    key: str
    prompt: str
    begin: str = ""
    """What the answer begins with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What to generate with. `partial` collects finished batches and is read again after a kill."""

    what: str
    sampling: Sampling
    seed: int
    partial: Path


def seed_of(seed: int, key: str) -> int:
    """The seed of a request, below 2⁶³."""
    return int.from_bytes(sha256(f"generate {seed} {key}".encode()).digest()[:8], "big") >> 1


def line_of(index: int, key: str, completion: Completion) -> bytes:
    """A finished completion in the file of a half-finished generation: JSON, then its CRC-32, a check against
    accidents of the disk."""
    record = [index, key, completion.text, completion.tokens, completion.truncated]
    text = json.dumps(record, ensure_ascii=True).encode()
    return text + b" %08x\n" % crc32(text)


def _record(line: bytes) -> list[Any] | None:
    """What a line holds; None when it is torn or damaged."""
    text, _, told = line.rpartition(b" ")
    return list(json.loads(text)) if told == b"%08x\n" % crc32(text) else None


def finished(partial: Path, requests: Sequence[Request]) -> Iterator[tuple[int, Completion]]:
    """Completions of an earlier run, up to the first line that is torn or is not as it was written: from there on the
    file is cut off, so that the next append starts on a line."""
    if not partial.exists():
        return
    whole = 0
    for line in partial.read_bytes().splitlines(keepends=True):
        record = _record(line)
        if record is None:
            if line.endswith(b"\n"):  # else a kill tore it
                say("a finished completion was damaged after it was written: it and those after it are made again")
            break
        whole += len(line)
        index, key, text, tokens, truncated = record
        if index >= len(requests) or requests[index].key != key:
            raise TaskError(f"{partial} belongs to other requests: remove it and run again")
        yield index, Completion(text=text, tokens=tokens, truncated=truncated)
    with partial.open("rb+") as file:
        file.truncate(whole)
