"""Rows of several sources, in one order. Pure: knows how many there are, not what they hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Literal, assert_never

from cotspec.spec.payload import MixPart

Order = Literal["shuffled", "alternate", "given"]
Place = tuple[int, int]
"""A source, and which of its rows, both from 0."""


def mixed(
    sizes: Sequence[int],
    parts: Sequence[MixPart],
    order: Order,
    *,
    seed: int,
    epoch: int,
) -> list[Place]:
    """The rows of one epoch; `sizes` are how many each source has in it.

    >>> parts = (MixPart(share=0.0, run=2), MixPart(share=0.0, run=1))
    >>> mixed([4, 3], parts, "alternate", seed=0, epoch=0)
    [(0, 0), (0, 1), (1, 0), (0, 2), (0, 3), (1, 1)]
    """
    counts = used(sizes, parts, order)
    match order:
        case "given":
            return _all(counts)
        case "shuffled":
            return sorted(_all(counts), key=lambda place: _digest(seed, epoch, place))
        case "alternate":
            return _turns(counts, [part.run for part in parts])
        case _:
            assert_never(order)


def used(sizes: Sequence[int], parts: Sequence[MixPart], order: Order) -> list[int]:
    """How many rows of each source one epoch has: all; with shares, as many as the scarcest source allows; by turns,
    those of whole rounds, which the first source that has too few rows for its turn ends.

    >>> used([30, 100], (MixPart(share=0.25, run=0), MixPart(share=0.75, run=0)), "shuffled")
    [30, 90]
    """
    if order == "alternate":
        rounds = min(size // part.run for size, part in zip(sizes, parts, strict=True))
        return [rounds * part.run for part in parts]
    if not any(part.share for part in parts):
        return list(sizes)
    most = min(size / part.share for size, part in zip(sizes, parts, strict=True))
    return [min(size, round(most * part.share)) for size, part in zip(sizes, parts, strict=True)]


def _all(counts: Sequence[int]) -> list[Place]:
    return [(source, row) for source, count in enumerate(counts) for row in range(count)]


def _turns(counts: Sequence[int], runs: Sequence[int]) -> list[Place]:
    rounds = counts[0] // runs[0]
    return [(source, turn * run + at) for turn in range(rounds) for source, run in enumerate(runs) for at in range(run)]


def _digest(seed: int, epoch: int, place: Place) -> bytes:
    return hashlib.sha256(json.dumps(["mix", seed, epoch, *place]).encode()).digest()
