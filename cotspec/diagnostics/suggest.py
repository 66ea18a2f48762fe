"""Did-you-mean. Knows words only."""

from __future__ import annotations

from collections.abc import Iterable

_NEAR = 0.6
_SURE = 0.75


def near(word: str, candidates: Iterable[str], *, most: int = 3) -> tuple[str, ...]:
    """The candidates that look like `word`, best first; case, `-` and `_` do not count as differences."""
    scored = [(_likeness(word, c), c) for c in dict.fromkeys(candidates)]
    best = sorted((s for s in scored if s[0] >= _NEAR), key=lambda s: (-s[0], s[1]))
    return tuple(c for _, c in best[:most])


def alike(word: str, candidate: str) -> bool:
    """Whether `word` is so close to `candidate` that little else can be meant."""
    return _likeness(word, candidate) >= _SURE


def _likeness(word: str, candidate: str) -> float:
    from difflib import SequenceMatcher  # here: most specs have no misspelling

    return SequenceMatcher(None, _fold(word), _fold(candidate)).ratio()


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


def _joined(words: Iterable[str], last: str) -> str:
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"


def _fold(word: str) -> str:
    return word.lower().replace("-", "_")
