"""What a lock command says. Knows updates; prints nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.lock.update import State, Updated
from cotspec.spec.lock import Key

NOT_LOCKED: Final = Rule(
    slug="not-locked",
    claim="`cotspec lock` can tell what every input of the specs is.",
    why="It asks the hub for the commits of models and data sets, and reads the files of the project. What it was told "
    "before stays in the lock, and so does what it can tell of the rest.",
    no_example="It takes a hub that does not answer, or a file that is gone.",
)
_SHOWN: Final = 12
_CHECKED: Final = {"added": "missing", "changed": "stale", "dropped": "left over"}


def told(updated: Updated) -> Iterator[str]:
    """A line for each entry that is another now."""
    for change in updated.changes:
        if change.state in _CHECKED:
            values = " → ".join(short(value) for value in (change.old, change.new) if value)
            yield f"{change.state}: {name(change.key)} ({values})"


def compared(updated: Updated) -> Iterator[tuple[str, bool]]:
    """What a comparison says, which writes nothing: a line, and whether the lock is not as it should be."""
    places = {each.input.key: each.span for each, _ in updated.failures}
    for change in updated.changes:
        if change.state in _CHECKED:
            yield f"{_CHECKED[change.state]}: {name(change.key)}", True
        elif change.state == "unknown":
            where = f"{places[change.key].file}:{places[change.key].line}"
            line = f"not compared: {name(change.key)}, which cannot be read" if change.old else ""
            yield line or f"missing: {name(change.key)} ({where})", not change.old


def failures(updated: Updated) -> Iterator[Diagnostic]:
    """What could not be told, where a spec names it."""
    kept = {change.key: change.old for change in updated.changes}
    for wanted, error in updated.failures:
        old = kept[wanted.input.key]
        note = f"; {short(old)} stays in the lock" if old else ""
        message = f"{error}{note}"
        yield Diagnostic(rule="not-locked", message=message, span=wanted.span, help=error.advice)


def summary(updated: Updated) -> str:
    """`2 added, 1 changed, 4 kept`."""
    states: tuple[State, ...] = ("added", "changed", "dropped", "kept")
    parts = [f"{updated.count(state)} {state}" for state in states if updated.count(state)]
    if updated.failures:
        parts.append(f"{len(updated.failures)} could not be locked")
    return ", ".join(parts)


def name(key: Key) -> str:
    """`models a/b at main`, `files specs/data/train.jsonl`."""
    return f"{key[0]} {key[1]}" + (f" at {key[2]}" if len(key) == 3 else "")


def short(value: str) -> str:
    """As much of a commit or digest as tells it apart."""
    return value.removeprefix("sha256:")[:_SHOWN]


def number(count: int, what: str) -> str:
    """`1 input`, `2 inputs`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
