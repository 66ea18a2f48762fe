"""Did-you-mean. Knows words only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

_NEAR = 0.6
_SURE = 0.75
_PART = 0.7
"""How alike `batch` and `global_batch` are: whole words of one, left out or put in."""
_NAMED = 6
"""Words of a sentence that names several; of more it counts the rest."""


def near(word: str, candidates: Iterable[str], *, most: int = 3) -> tuple[str, ...]:
    """The candidates that look like `word`, best first; case, `-` and `_` do not count as differences."""
    close = [c for c in dict.fromkeys(candidates) if likeness(word, c) >= _NEAR]
    return tuple(sorted(close, key=lambda c: (-likeness(word, c), -_shared(word, c), c))[:most])


def alike(word: str, candidate: str) -> bool:
    """Whether `word` is so close to `candidate` that little else can be meant."""
    return likeness(word, candidate) >= _SURE


@lru_cache(maxsize=4096)
def likeness(word: str, candidate: str) -> float:
    """From 0 to 1. One slip of the finger always counts as near, since half of a name of two letters is one letter."""
    one, other = _fold(word), _fold(candidate)
    if one == other or not one or not other:
        return float(one == other)
    longest = max(len(one), len(other))
    slips = _slips(one, other)
    if slips == 1:
        return max(1 - 1 / longest, _SURE if longest > 1 else _NEAR)
    parts, others = set(one.split("_")), set(other.split("_"))
    whole = _PART if "" not in parts | others and (parts < others or others < parts) else 0.0
    return max(1 - slips / longest, whole)


def _slips(a: str, b: str) -> int:
    """Letters left out, put in, replaced, or swapped with their neighbour (optimal string alignment)."""
    longest, most = max(len(a), len(b)), max(len(a), len(b)) * (1 - _NEAR) + 1
    if abs(len(a) - len(b)) > most or (Counter(a) - Counter(b)).total() > most:
        return longest  # too far apart to matter
    older: list[int] = []
    old = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        new = [i]
        for j, other in enumerate(b, 1):
            cost = min(old[j] + 1, new[-1] + 1, old[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            new.append(cost)
        older, old = old, new
    return old[-1]


def _shared(word: str, candidate: str) -> int:
    """Letters in common: `fdp` is nearer to `fsdp` than to `ddp`, though both are one slip away."""
    return (Counter(_fold(word)) & Counter(_fold(candidate))).total()


def did_you_mean(suggestions: tuple[str, ...], candidates: Iterable[str] = ()) -> str:
    """A help text: the suggestions, or else what there is to choose from."""
    if suggestions:
        return f"did you mean {either(suggestions)}?"
    choices = tuple(candidates)
    return f"there is {listed(choices)}" if choices else ""


def either(words: Iterable[str]) -> str:
    """`a`, `b` or `c`."""
    return _joined(words, "or")


def listed(words: Iterable[str]) -> str:
    """`a`, `b` and `c`."""
    return _joined(words, "and")


def several(words: Sequence[str]) -> str:
    """`a`, `b`, `c`, `d` and 8 more."""
    if len(words) <= _NAMED:
        return listed(words)
    return f"{', '.join(f'`{word}`' for word in words[:_NAMED])} and {len(words) - _NAMED} more"


def _joined(words: Iterable[str], last: str) -> str:
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"


def _fold(word: str) -> str:
    return word.lower().replace("-", "_")
