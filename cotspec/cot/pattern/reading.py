"""The text of a regular expression → Python's own syntax tree of it, or why it cannot be used.

Masks run on the `regex` package, whose language is larger than that of `re`. Only what both read the same way is
allowed: an expression then means what Python's documentation says, and the tree is right for the engine that runs it.
Back-references are left out too, because no bound on their cost is known.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

MAX_LENGTH: Final = 500
"""Characters of an expression."""
MAX_DEPTH: Final = 30
"""Groups and repeats inside one another."""
MAX_SIZE: Final = 10_000
"""Characters of an expression with its least repeats written out: `a{1000}` is a thousand. The engine does that."""

# What `re` itself makes of an expression. It has no public name, and exists since Python 3.11 under this one.
_parser: Final = importlib.import_module("re._parser")
Item = tuple[Any, Any]
"""An operation by its name in Python's `re._constants`, and its argument."""

_COUNT: Final = re.compile(r"\{(?:\d+(?:,\d*)?|,\d+)\}")
_REFERENCES: Final = ("GROUPREF", "GROUPREF_EXISTS")


class Malformed(NamedTuple):
    """An expression that cannot be used."""

    column: int
    """Where, from 1."""
    message: str
    """One sentence."""
    help: str = ""
    """What to do."""


class Tree(NamedTuple):
    """An expression that was read."""

    items: Sequence[Item]
    flags: int


def read(text: str) -> Tree | Malformed:
    """Read an expression. Never raises."""
    if len(text) > MAX_LENGTH:
        return Malformed(MAX_LENGTH + 1, f"it has {len(text):,} characters, and {MAX_LENGTH} is the limit")
    found = _parse(text)
    if isinstance(found, Malformed):
        return found
    problem = _differs(text) or _too_large(found)
    return problem or found


def _parse(text: str) -> Tree | Malformed:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = _parser.parse(text)
    except re.error as error:
        return Malformed((error.pos or 0) + 1, f"it cannot be read: {error.msg}", "see Python's `re`")
    except (RecursionError, OverflowError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else f"it cannot be read: {error}"
        return Malformed(1, reason, "make it simpler")
    return Tree(parsed.data, parsed.state.flags)


# --- what `re` and `regex` read differently ---------------------------------------------------------------------------


def _differs(text: str) -> Malformed | None:
    for at, inside in _plain_characters(text):
        if text[at] == "{" and not inside and not _COUNT.match(text, at):
            return Malformed(at + 1, "a `{` that begins no count is read in different ways", "write `\\{`")
        if text.startswith("[:", at) and inside and ":]" in text[at:]:
            return Malformed(at + 1, "classes such as `[:alpha:]` are not part of Python's `re`", "write them out")
    return None


def _plain_characters(text: str) -> Iterator[tuple[int, bool]]:
    """Places of characters without a backslash before them, and whether each is inside of `[ ]`."""
    at, inside = 0, False
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        yield at, inside
        if not inside and text[at] == "[":
            inside = True
            at += 1 + (text[at + 1 : at + 2] == "^")
            at += text[at : at + 1] == "]"  # the first one is a character
            continue
        inside = inside and text[at] != "]"
        at += 1


# --- size -------------------------------------------------------------------------------------------------------------


def _too_large(tree: Tree) -> Malformed | None:
    try:
        size = _size(tree.items, 0)
    except _RefusedError as refused:
        return refused.problem
    if size > MAX_SIZE:
        return Malformed(1, f"with its repeats written out it has more than {MAX_SIZE:,} characters", "repeat less")
    return None


class _RefusedError(Exception):
    def __init__(self, problem: Malformed) -> None:
        super().__init__(problem.message)
        self.problem = problem


def _size(items: Sequence[Item], depth: int) -> int:
    if depth > MAX_DEPTH:
        raise _RefusedError(Malformed(1, f"more than {MAX_DEPTH} groups or repeats stand inside one another"))
    return sum(_item_size(item, depth + 1) for item in items)


def _item_size(item: Item, depth: int) -> int:
    if str(item[0]) in _REFERENCES:
        advice = "write the text out, or leave the back-reference out"
        raise _RefusedError(Malformed(1, "how long a back-reference takes cannot be told", advice))
    least, parts = inner(item)
    # The engine writes `x+` as `xx*`, so repeats inside one another double.
    return 1 if not parts else (least + 1) * sum(_size(part, depth) for part in parts)


def inner(item: Item) -> tuple[int, tuple[Sequence[Item], ...]]:
    """The least number of repeats of an item, and the sequences inside it."""
    name, argument = str(item[0]), item[1]
    match name:
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return int(argument[0]), (argument[2].data,)
        case "SUBPATTERN":
            return 0, (argument[3].data,)
        case "BRANCH":
            return 0, tuple(branch.data for branch in argument[1])
        case "ATOMIC_GROUP":
            return 0, (argument.data,)
        case "ASSERT" | "ASSERT_NOT":
            return 0, (argument[1].data,)
        case _:
            return 0, ()
