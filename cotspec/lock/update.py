"""Old entries and what is read now → new entries. Asks by functions that are handed in: knows neither hub nor files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cotspec.diagnostics import Span
from cotspec.ir.inputs import Input
from cotspec.spec.lock import Key

State = Literal["kept", "added", "changed", "dropped", "unknown"]


class UnknownError(Exception):
    """What an input holds cannot be told; the message says why, `advice` what to do."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """An input, and where a spec names it first."""

    input: Input
    span: Span


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What becomes of one entry."""

    key: Key
    state: State
    old: str = ""
    new: str = ""


@dataclass(frozen=True, kw_only=True)
class Updated:
    """A lock as it should be."""

    changes: list[Change] = field(default_factory=list)
    failures: list[tuple[Wanted, UnknownError]] = field(default_factory=list)
    """What cannot be told; its old entry is kept."""

    @property
    def entries(self) -> dict[Key, str]:
        """By what they are about."""
        return {change.key: change.new for change in self.changes if change.new}

    def count(self, state: State) -> int:
        """How many entries are in a state."""
        return sum(change.state == state for change in self.changes)


def update(
    wanted: Iterable[Wanted],
    old: Mapping[Key, str],
    *,
    resolve: Callable[[Input], str],
    again: Collection[Key] = (),
    drop: bool = True,
) -> Updated:
    """Keep what the hub was asked for, add what is missing, look at local things anew, drop what nobody reads.

    `resolve` says what an input holds (raises UnknownError); `again` are entries for which the hub is asked once more;
    without `drop`, entries that nobody reads stay.
    """
    updated = Updated()
    first = {each.input.key: each for each in reversed(list(wanted))}
    for key in sorted(first):
        known = old.get(key, "")
        if known and first[key].input.on_hub and key not in again:
            updated.changes.append(Change(key=key, state="kept", old=known, new=known))
            continue
        try:
            now = resolve(first[key].input)
        except UnknownError as error:
            updated.failures.append((first[key], error))
            updated.changes.append(Change(key=key, state="unknown", old=known, new=known))
        else:
            updated.changes.append(Change(key=key, state=_state(known, now), old=known, new=now))
    updated.changes.extend(_unused(first, old, drop=drop))
    return updated


def _state(old: str, new: str) -> State:
    if not old:
        return "added"
    return "kept" if old == new else "changed"


def _unused(read: Collection[Key], old: Mapping[Key, str], *, drop: bool) -> Iterator[Change]:
    for key in sorted(old.keys() - set(read)):
        kept = "" if drop else old[key]
        yield Change(key=key, state="kept" if kept else "dropped", old=old[key], new=kept)
