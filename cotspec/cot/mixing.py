"""Rows of several sources, in one order. Pure: knows how many there are, not what they hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Literal, assert_never

from cotspec.spec.payload import MixPart

Place = tuple[int, int]
"""A source, and which of its rows, both from 0."""


def mixed(
    sizes: Sequence[int],
    parts: Sequence[MixPart],
    order: Literal["shuffled", "alternate", "given"],
    *,
    seed: int,
    epoch: int,
) -> list[Place]:
    """The rows of one epoch; `sizes` are how many each source has in it.

    >>> parts = (MixPart(share=0.0, run=2), MixPart(share=0.0, run=1))
    >>> mixed([4, 3], parts, "alternate", seed=0, epoch=0)
    [(0, 0), (0, 1), (1, 0), (0, 2), (0, 3), (1, 1)]
    """
    used = _used(sizes, [part.share for part in parts])
    match order:
        case "given":
            return _all(used)
        case "shuffled":
            return sorted(_all(used), key=lambda place: _digest(seed, epoch, place))
        case "alternate":
            return _turns(used, [part.run for part in parts])
        case _:
            assert_never(order)


def _used(sizes: Sequence[int], shares: Sequence[float]) -> list[int]:
    """How many rows of each source are used: all, or as many as the scarcest source allows."""
    if not any(shares):
        return list(sizes)
    most = min(size / share for size, share in zip(sizes, shares, strict=True))
    return [min(size, round(most * share)) for size, share in zip(sizes, shares, strict=True)]


def _all(used: Sequence[int]) -> list[Place]:
    return [(source, row) for source, count in enumerate(used) for row in range(count)]


def _turns(used: Sequence[int], runs: Sequence[int]) -> list[Place]:
    """Whole rounds: the first source that has too few rows for its turn ends them."""
    rounds = min(count // run for count, run in zip(used, runs, strict=True))
    return [(source, turn * run + at) for turn in range(rounds) for source, run in enumerate(runs) for at in range(run)]


def _digest(seed: int, epoch: int, place: Place) -> bytes:
    return hashlib.sha256(json.dumps(["mix", seed, epoch, *place]).encode()).digest()
