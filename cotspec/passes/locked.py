"""The project's lock as rules see it: what it says of the inputs of one experiment, and what is so. Reads no file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cotspec.diagnostics import Span
from cotspec.ir.inputs import Input, Locked
from cotspec.spec.lock import Key


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Pins:
    """A lock beside an experiment."""

    locked: Locked
    inputs: Sequence[Input]
    """Everything the experiment reads."""
    content: Callable[[Input], str]
    """What an input holds now; "" when that cannot be told, or not quickly."""

    def commit(self, kind: str, id: str, revision: str) -> str | None:
        """The commit that a revision is locked at."""
        return self.locked.entries.get((kind, id, revision))

    def others(self, kind: str, id: str) -> list[Key]:
        """The entries about one model or data set, whatever revision they are for."""
        return [key for key in self.locked.entries if key[:2] == (kind, id)]

    def span(self, key: Key) -> Span:
        """Where an entry stands."""
        return self.locked.source.value(key)
