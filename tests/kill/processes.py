"""Processes that carry a mark in their environment: which live, what each is, and how they are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = "COTSPEC_KILL_ROUND"


@dataclass(frozen=True, slots=True)
class Process:
    """A living process."""

    pid: int
    command: str

    @property
    def kind(self) -> str:
        """Which link of the chain it is."""
        words = {"supervise": "cotspec.runtime.supervise", "trainer": "-m cotspec.runtime payload", "dvc": "dvc "}
        for name, word in words.items():
            if word in self.command and not (name == "trainer" and "accelerate" in self.command):
                return name
        return "other"


def marked(mark: str) -> list[Process]:
    """All living processes of a round, wherever they are in the tree (a zombie does not live)."""
    return sorted(_found(f"{MARK}={mark}".encode()), key=lambda process: process.pid)


def _found(wanted: bytes) -> Iterator[Process]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0") and not _ended(entry):
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                yield Process(int(entry.name), words.decode(errors="replace"))


def _ended(entry: Path) -> bool:
    return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] in "ZX"


def send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def all_gone(mark: str, seconds: float) -> list[Process]:
    """What of a round still lives after so many seconds."""
    deadline = time.monotonic() + seconds
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
