"""Text that is being typed → nodes, and what stands at a place of it. Knows YAML's look, not what a spec means.

A half-written text is mostly no YAML. So it is read with a mark where the cursor is, by the reader that `check` uses,
in the forms it may be meant in; and without the lines that cannot be read. What comes of it is for showing only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cotspec.diagnostics import Span
from cotspec.diagnostics.source_map import Path
from cotspec.front import yaml_source
from cotspec.front.nodes import MappingNode, Node, ScalarNode, SequenceNode

MARK: Final = "\ue000"
"""Where the cursor is: a letter that nobody types."""
_LEFT_OUT: Final = 12
"""Lines of a text that are left out to read the others."""
_WORD: Final = re.compile(r"[\w.-]*")
_TAG: Final = re.compile(r"(?<=[\s\[{,])!\w*\Z")
"""A tag that is not whole, of which no reader of YAML makes a value."""
_NEXT: Final = re.compile(r"\s+[\w'\"]")
"""What follows a key that is put before others in braces."""
_PAIRS: Final = {"{": "}", "[": "]"}


class Cursor(NamedTuple):
    """What is being typed, and where in the tree."""

    path: Path
    """That of the key (with it) or of the value."""
    in_key: bool
    word: str
    """The key or value up to the cursor …"""
    rest: str
    """… and behind it."""
    below_key: bool
    """Of a value: it stands on a line below its key, so it may become a group."""
    flow: bool
    """Whether it stands in braces or brackets."""
    root: Node
    """The text's nodes, with the mark."""
    lost: int = 0
    """Lines of the text that are not among them."""


def nodes(text: str, file: str) -> Node | None:
    """The nodes of a text without the lines that cannot be read; None where that is all of it."""
    found = _recovered(text.split("\n"), file, keep=-1)
    return None if found is None else found[0]


def at_cursor(lines: Sequence[str], line: int, column: int, file: str) -> Cursor | None:
    """What is being typed at a place, line and character from 0; None in a comment, or where no form can be read."""
    if not 0 <= line < len(lines) or _in_comment(lines[line][:column]):
        return None
    best: tuple[int, Cursor] | None = None
    tag = _TAG.search(lines[line][:column])
    before = lines[line][: tag.start() if tag else column]
    flow = bool(_closers(before))
    for own, below in _forms(before, lines[line][column:], lines[line + 1 :]):
        found = _recovered([*lines[:line], own, *below], file, keep=line)
        lost = 0 if found is None else found[1] + len(lines) - line - 1 - len(below)
        if found is None or (best is not None and best[0] <= lost):
            continue
        cursor = next(_marked(found[0], (), 0, found[0]), None)
        if cursor is not None:
            word = tag.group() if tag else cursor.word
            best = lost, cursor._replace(flow=flow, lost=lost, word=word)
        if cursor is not None and not lost:
            break
    return None if best is None else best[1]


def _forms(before: str, after: str, below: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """The line with the mark and those below it, as they may be meant: before another key in braces, as it is, as a
    key, and cut off."""
    word = _WORD.match(after)
    end = word.end() if word else 0
    closers = _closers(before)
    if closers and _NEXT.match(after):
        yield f"{before}{MARK}: ,{after}", below
    yield f"{before}{MARK}{after}", below
    yield f"{before}{MARK}{after[:end]}: {after[end:]}", below
    for lines in (below, ()):
        yield f"{before}{MARK}{closers}", lines
        yield f"{before}{MARK}: {closers}", lines


def _recovered(lines: Sequence[str], file: str, *, keep: int) -> tuple[Node, int] | None:
    """The nodes of a text in which lines that stop the reader, but for `keep`, are empty; and how many those are."""
    left = list(lines)
    for lost in range(_LEFT_OUT):
        root, stop = yaml_source.sketch("\n".join(left), file)
        if root is not None:
            return root, lost
        if stop is None:
            return None
        at = stop.line - 1
        if at == keep or at >= len(left) or not left[at].strip():
            return None
        left[at] = ""
    return None


def _marked(node: Node, path: Path, line: int, root: Node) -> Iterator[Cursor]:
    """The key or value that has the mark. `line` is that of the key above."""
    match node:
        case ScalarNode(value=str(text)) if MARK in text:
            word, _, rest = text.partition(MARK)
            yield Cursor(path, False, word, rest, node.span.line > line, False, root)
        case SequenceNode():
            for at, item in enumerate(node.items):
                # an item stands on a line of its own: it may become a group where its dash is
                yield from _marked(item, (*path, at), item.span.line - 1, root)
        case MappingNode():
            for each in node.entries:
                if MARK in each.key:
                    word, _, rest = each.key.partition(MARK)
                    yield Cursor((*path, each.key), True, word, rest, False, False, root)
                yield from _marked(each.node, (*path, each.key), each.span.line, root)


def _closers(before: str) -> str:
    """What closes the braces and brackets that a line has opened."""
    opened: list[str] = []
    quote = ""
    for at, sign in enumerate(before):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"" and (at == 0 or before[at - 1] in " {[,:"):
            quote = sign
        elif sign in _PAIRS and (opened or at == 0 or before[at - 1] in " {[,:"):
            opened.append(_PAIRS[sign])
        elif opened and sign == opened[-1]:
            opened.pop()
    return quote + "".join(reversed(opened))


def _in_comment(before: str) -> bool:
    quote = ""
    for at, sign in enumerate(before):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"" and (at == 0 or before[at - 1] in " {[,:"):
            quote = sign
        elif sign == "#" and (at == 0 or before[at - 1] in " \t"):
            return True
    return False


# --- what is written --------------------------------------------------------------------------------------------------


class Written(NamedTuple):
    """A key or value of a text, and its path."""

    path: Path
    in_key: bool
    span: Span
    node: Node


def at_place(root: Node, line: int, column: int) -> Written | None:
    """The key, or else the innermost value, that has a character (line and column from 1) of its text."""
    found: Written | None = None
    for each in _walk(root, ()):
        if _holds(each.span, line, column):
            found = each
    return found


def _walk(node: Node, path: Path) -> Iterator[Written]:
    """Every value, an outer one before what is in it, and every key."""
    yield Written(path, False, node.span, node)
    match node:
        case MappingNode():
            for each in node.entries:
                here = (*path, each.key)
                yield from _walk(each.node, here)
                yield Written(here, True, each.span, each.node)
        case SequenceNode():
            for at, item in enumerate(node.items):
                yield from _walk(item, (*path, at))


def _holds(span: Span, line: int, column: int) -> bool:
    return (span.line, span.column) <= (line, column) <= (span.end_line, span.end_column)
