"""Which of several good rollouts of one record go on, and which of all. Knows lengths and values, and which are equal;
not rollouts, not files.

`mixed` is mix-length distillation (arXiv 2502.12143): short traces for some questions, long ones for the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Sequence
from typing import NamedTuple, assert_never

from cotspec.spec.payload import Pick


class Picked(NamedTuple):
    """What goes on of the good rollouts of a record."""

    kept: tuple[int, ...]
    """Their places, in the order they were drawn."""
    duplicates: int
    """How many were equal to one before them."""


def picked(
    rule: Pick, lengths: Sequence[int], *, question: int, most: int = 1, keys: Sequence[Hashable] = ()
) -> Picked:
    """The rollouts to keep: those that `pick` asks for first, `most` of them or all. Of those with equal `keys`, if any
    are given, the one that is asked for first counts.

    >>> picked(Pick(kind="shortest", shortest=0, seed=0), [9, 5, 7, 5], question=0, most=2, keys="abba")
    Picked(kept=(1, 3), duplicates=2)
    """
    order = _order(rule, lengths, question)
    if keys:
        first: dict[Hashable, int] = {}
        for at in order:
            first.setdefault(keys[at], at)
        order = list(first.values())
    kept = order if rule.kind == "all" else order[:most]
    return Picked(tuple(sorted(kept)), len(lengths) - len(order))


class Top(NamedTuple):
    """The best of all."""

    kept: tuple[int, ...]
    """Their places, rising."""
    ties: int
    """How many were left out although they are as good as the last that goes on."""


def best(values: Sequence[float], n: int) -> Top:
    """The `n` highest values; of equal ones the first count.

    >>> best([2.0, 9.0, 2.0, 5.0, 2.0], 3)
    Top(kept=(0, 1, 3), ties=2)
    """
    order = sorted(range(len(values)), key=lambda at: -values[at])
    kept, others = order[:n], order[n:]
    return Top(tuple(sorted(kept)), sum(values[at] == values[kept[-1]] for at in others))


def _order(rule: Pick, lengths: Sequence[int], question: int) -> Sequence[int]:
    """The rollouts as they are asked for; `lengths` are tokens, in the order the rollouts were drawn.

    Of equal lengths the first counts. A `mixed` choice depends on the seed and the question alone.
    """
    places = range(len(lengths))
    shortest = sorted(places, key=lengths.__getitem__)
    longest = sorted(places, key=lambda at: -lengths[at])
    match rule.kind:
        case "first" | "all":
            return places
        case "shortest":
            return shortest
        case "longest":
            return longest
        case "mixed":
            return shortest if _share(rule.seed, question) < rule.shortest else longest
        case _:
            assert_never(rule.kind)


def _share(seed: int, question: int) -> float:
    """A number in [0, 1) that is the same on every machine."""
    digest = hashlib.sha256(json.dumps(["pick", seed, question]).encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56
