"""Paths in a spec that another one extends: they count from the file that wrote them. Knows where specs name files."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path as File
from typing import Final

from cotspec.front.nodes import MappingNode, Node, Removal, ScalarNode, SequenceNode
from cotspec.spec.named_files import ANY, NAMES_A_FILE

_AGAIN: Final = ("matrix", "zip", "exclude")
"""Parts of a variant whose keys are dotted paths too."""

Words = tuple[str, ...]


def rebased(node: Node, *, of: File, to: File) -> Node:
    """A spec of the folder `of`, as it would be written in the folder `to`."""
    prefix = os.path.relpath(of, to).replace(os.sep, "/")
    return node if prefix == "." else _walk(node, (), prefix)


def _walk(node: Node, path: Words, prefix: str) -> Node:
    if any(len(path) == len(known) and all(map(_fits, path, known)) for known in NAMES_A_FILE):
        return _moved(node, prefix)
    match node:
        case MappingNode():
            below = [each._replace(node=_walk(each.node, _below(path, each.key), prefix)) for each in node.entries]
            return MappingNode(node.span, tuple(below))
        case SequenceNode():
            return SequenceNode(node.span, tuple(_walk(item, path, prefix) for item in node.items))
        case ScalarNode() | Removal():
            return node


def _below(path: Words, key: str) -> Words:
    """The path of an entry. In a variant it begins anew: keys there are dotted paths from the top."""
    in_variant = path[:1] == ("variants",)
    if in_variant and (len(path) == 1 or key in _AGAIN):
        return ("variants", key)
    return tuple(key.split(".")) if in_variant else (*path, *key.split("."))


def _fits(word: str, known: str) -> bool:
    return known in (word, ANY)


def _moved(node: Node, prefix: str) -> Node:
    """The path, or each of several that a variant chooses from."""
    match node:
        case ScalarNode(value=str(written)) if written and not written.startswith(("/", "~")) and "\\" not in written:
            return node._replace(value=posixpath.normpath(f"{prefix}/{written}"))
        case SequenceNode():
            return SequenceNode(node.span, tuple(_moved(item, prefix) for item in node.items))
        case MappingNode():
            entries = tuple(each._replace(node=_moved(each.node, prefix)) for each in node.entries)
            return MappingNode(node.span, entries)
        case ScalarNode() | Removal():
            return node
