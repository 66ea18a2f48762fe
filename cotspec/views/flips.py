"""Questions that two experiments answer differently: which, and which of them a page shows with the texts.

Knows what experiments have come to; the texts are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from cotspec.page.browser import evenly
from cotspec.views.outcomes import Outcome

MOST_QUESTIONS: Final = 100
"""Questions of a set that are shown."""
OF_A_PAIR: Final = 10
"""Questions of each direction between two experiments that are shown, spread evenly."""
MOST_TEXTS: Final = 6
"""Experiments whose answers to one question are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An answer of a model, with its question."""

    question: str
    gold: str
    text: str
    right: bool
    tokens: int | None
    """None where the file does not say it."""


Texts = Callable[[Outcome, Collection[int]], Mapping[int, Answer]]
"""The answers of the last model of an experiment to some questions; of several answers to one the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flip:
    """What one experiment answers otherwise than its base."""

    outcome: Outcome
    base: Outcome
    both: int
    """Questions that both answered."""
    won: tuple[int, ...]
    """Questions of which more answers are right …"""
    lost: tuple[int, ...]
    """… and those of which fewer are."""


def flip(outcome: Outcome, base: Outcome | None) -> Flip | None:
    """What an experiment answers otherwise than its base. None where one of them is not measured, the experiment is its
    own base, or they share no question."""
    if base is None or base is outcome or outcome.last is None or base.last is None:
        return None
    new, old = outcome.last.right, base.last.right
    both = [id for id in old if id in new]
    if not both:
        return None
    won, lost = ([id for id in both if sign * (new[id] - old[id]) > 0] for sign in (1, -1))
    return Flip(outcome=outcome, base=base, both=len(both), won=tuple(won), lost=tuple(lost))


def chosen(flips: Sequence[Flip]) -> list[int]:
    """The questions that are shown, in their own order: some of each direction in turn."""
    ways = [evenly(way, OF_A_PAIR) for each in flips for way in (each.won, each.lost)]
    kept: dict[int, None] = {}
    for turn in zip_longest(*ways):
        for id in turn:
            if id is not None and len(kept) < MOST_QUESTIONS:
                kept[id] = None
    return sorted(kept)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A question with the answers of those that differ over it, their bases before them."""

    id: int
    said: Mapping[str, Answer]
    """The answers by experiment."""
    left_out: int
    """Number of further experiments that differ over it."""


def shown(flips: Sequence[Flip], ids: Sequence[int], texts: Texts) -> list[Shown]:
    """The questions with their texts; each experiment's are asked for once."""
    differing: dict[int, dict[str, Outcome]] = {id: {} for id in ids}
    for each in flips:
        for id in (*each.won, *each.lost):
            if id in differing:
                differing[id] |= {one.name: one for one in (each.base, each.outcome)}
    wanted: dict[str, tuple[Outcome, set[int]]] = {}
    for id, every in differing.items():
        for name, outcome in list(every.items())[:MOST_TEXTS]:
            wanted.setdefault(name, (outcome, set()))[1].add(id)
    known = {name: texts(outcome, asked) for name, (outcome, asked) in wanted.items()}
    return [
        Shown(
            id=id,
            said={name: known[name][id] for name in list(every)[:MOST_TEXTS] if id in known[name]},
            left_out=max(0, len(every) - MOST_TEXTS),
        )
        for id, every in differing.items()
    ]
