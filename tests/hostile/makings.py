"""Cases, and what text cannot hold: links, pipes and large files."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")
CANARY = "canary-7f3a91"
MARK = "»"
SPEC = "specs/a.yaml"
Make = Callable[[Path, Path], None]
"""Given the project and the folder outside of it."""


def nothing(_project: Path, _outside: Path) -> None:
    """Make nothing."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One attack."""

    name: str
    spec: str
    """Text of specs/a.yaml, with the mark unless the finding is in another file."""
    slug: str = ""
    """The finding; "" is a spec that is harmless in truth and builds."""
    files: dict[str, str] = field(default_factory=dict)
    make: Make = nothing
    exit: int = 1
    said: str = ""
    """Part of what is printed, where there is no finding but a message (exit 2)."""


def put(old: str, new: str, base: str = BASE) -> str:
    """The small spec with a text replaced once."""
    assert old in base, old
    return base.replace(old, new, 1)


def link(name: str, target: Callable[[Path, Path], Path]) -> Make:
    """A symbolic link in the project."""

    def make(project: Path, outside: Path) -> None:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).symlink_to(target(project, outside))

    return make


def fifo(name: str) -> Make:
    """A pipe that nobody writes into: reading it never ends."""

    def make(project: Path, _outside: Path) -> None:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(project / name)

    return make


def packed(name: str) -> Make:
    """A table whose one value gzip has made a thousandth of, and which no quote ends."""

    def make(project: Path, _outside: Path) -> None:
        (project / name).write_bytes(gzip.compress(b'question,answer\n"' + b"x" * 2**26, compresslevel=1))

    return make


def large(name: str, size: int) -> Make:
    """A file that takes no room on the disk."""

    def make(project: Path, _outside: Path) -> None:
        with (project / name).open("wb") as file:
            file.truncate(size)

    return make


def secret(_project: Path, outside: Path) -> Path:
    return outside / "secret.txt"


def prompt(written: str) -> str:
    return put("over: train}", f"over: train, prompt: {MARK}{written}}}")


def model(written: str) -> str:
    return put("{builtin: tiny-student}", f"{{path: {MARK}{written}}}")


def data(written: str) -> str:
    return put("{builtin: chains, split: valid, size: 50}", f"{{file: {MARK}{written}}}")


def regex(written: str) -> str:
    marked = written if MARK in written else MARK + written
    return put("shuffle: true", f"mask: {{unit: {{regex: {marked}}}, count: 1}}")


def reward(written: str) -> str:
    return put("1 if correct else 0", written)
