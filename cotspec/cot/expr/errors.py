"""What can be wrong with an expression, as values. Knows no files: columns count inside the expression's own text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

#: What people bring from other languages, and its name here.
_ALIASES = {"ln": "log", "clamp": "clip", "interp": "curve", "piecewise": "curve", "fabs": "abs", "minimum": "min"} | {
    **{f"{thing}_count": f"{thing}s" for thing in ("word", "step", "token")},
    **dict.fromkeys(("is_correct", "accuracy"), "correct"),
    **dict.fromkeys(("length", "completion_length"), "tokens"),
    **dict.fromkeys(("pass_rate", "solve_rate"), "group.correct"),
}


class Problem(NamedTuple):
    """One mistake in an expression's text."""

    column: int
    """Where it begins: offset in the text in characters, the first is 1 (line ends count as one character)."""
    message: str
    """One sentence."""
    suggestion: str = ""
    """Text that could stand in its place, or empty."""
    help: str = ""
    """What to do, when that is more than a replacement."""
    length: int = 1
    """How many characters it covers."""


class UnscorableError(Exception):
    """An expression has no value for these measures: a division by zero, a logarithm of 0, a number too large."""


def closest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or "": by usual aliases, then by likeness, ignoring case. Of a thing that
    is known (`draft.votes`) only what is asked of it can be misspelt."""
    names = sorted(known)
    whose, dot, last = word.rpartition(".")
    alias = whose + dot + _ALIASES.get(last.lower(), "")
    if alias in names:
        return alias
    import difflib  # here: most expressions are right

    own = [name.rpartition(".")[2] for name in names if name.rpartition(".")[0] == whose] if whose else []
    likely = difflib.get_close_matches((last if own else word).lower(), own or names, n=1, cutoff=0.65)
    return (f"{whose}.{likely[0]}" if own else likely[0]) if likely else ""


def shorten(text: str, limit: int = 60) -> str:
    """Source text for a message: white space as single blanks, cut after `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
