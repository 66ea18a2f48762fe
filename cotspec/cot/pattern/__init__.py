"""A person's regular expression: whether it can be used, and how long it can take on a text made to be slow.

The verdict comes from the expression alone and never from a clock, so it is the same on every machine. `reading` reads
it and refuses what two engines understand differently, `automaton` makes states of it, `cost` counts the ways through
them. Knows neither masks nor specs.
"""

from __future__ import annotations

from functools import lru_cache

from cotspec.cot.pattern.cost import Slow, slow
from cotspec.cot.pattern.reading import Malformed, Tree, read

__all__ = ["Malformed", "Slow", "Tree", "judge", "read"]


@lru_cache(maxsize=4096)
def judge(text: str) -> Malformed | Slow | None:
    """What is wrong with an expression; None when it can be used. Never raises, and never takes long itself."""
    tree = read(text)
    return tree if isinstance(tree, Malformed) else slow(tree)
