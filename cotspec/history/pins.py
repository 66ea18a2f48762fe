"""The project's lock as rules see it: what it says of the inputs of one experiment, and what is so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cotspec.diagnostics import Span
from cotspec.ir.inputs import Input, Locked
from cotspec.spec.lock import Key

if TYPE_CHECKING:
    from cotspec.ir.lower import ExperimentSource

_MOST_BYTES: Final = 64_000_000
"""Most bytes of a data file or model folder that a check compares with the lock: it must not take longer than the
rest."""


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
        """Where an entry stands in the lock."""
        return self.locked.source.value(key)


def pins(source: ExperimentSource, lock: Locked | None, root: Path) -> Pins | None:
    """What the lock says of an experiment, and what is so."""
    if lock is None:
        return None
    from cotspec.builtin import digest
    from cotspec.ir.inputs import inputs

    def content(one: Input) -> str:
        return one.content or _content(lock, root, one.key[1])

    return Pins(locked=lock, inputs=tuple(inputs(source, digest.manifest())), content=content)


@lru_cache(maxsize=1024)
def _content(_lock: Locked, root: Path, place: str) -> str:
    """Read once for each lock that is read, which is once in a command."""
    from cotspec.front import contents

    try:
        return contents.digest(place, root) if contents.size(place, root) <= _MOST_BYTES else ""
    except contents.ContentError:
        return ""  # it may come later, by `dvc pull`: a task that needs it says so
