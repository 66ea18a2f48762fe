"""What completes prompts, as `generate` sees it: the engines implement this and know nothing of jobs or files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cotspec.spec.payload import Sampling

Tick = Callable[[int], None]
"""Told now and then how many tokens each completion of a batch has by now."""

Heard = Callable[[str], None]
"""Told the text of a single completion in pieces, as it is written; the end of it may be cut off afterwards."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """What was generated: the text without special tokens, and its length with the end-of-sequence token."""

    text: str
    tokens: int
    truncated: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """One request as an engine gets it: token ids and the seed of its random numbers (below 2⁶³)."""

    ids: list[int]
    seed: int


class Engine(Protocol):
    """Something that completes prompts."""

    batch: int
    """Requests it likes to get at a time."""

    def encode(self, prompt: str, begin: str = "") -> list[int]:
        """Token ids of a prompt, and of what its answer begins with."""

    def complete(
        self, draws: Sequence[Draw], sampling: Sampling, tick: Tick | None = None, heard: Heard | None = None
    ) -> list[Completion]:
        """Complete a batch, in order; `heard` is for a batch of one. An engine that cannot look into a batch tells
        neither anything."""
