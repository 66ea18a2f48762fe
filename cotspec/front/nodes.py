"""YAML nodes with their places, and their unfolding into plain data and a source map. Knows no YAML syntax."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from cotspec.diagnostics import Span
from cotspec.diagnostics.source_map import Path, SourceMap
from cotspec.files.scalars import Value

Data = Value | list["Data"] | dict[str, "Data"]


class ScalarNode(NamedTuple):
    """One value."""

    span: Span
    value: Value


class Removal(NamedTuple):
    """`!remove`: what another spec says here does not hold."""

    span: Span


class SequenceNode(NamedTuple):
    """Items in order."""

    span: Span
    items: tuple[Node, ...]


class Entry(NamedTuple):
    """A key, its place, and what it holds."""

    key: str
    span: Span
    node: Node


class MappingNode(NamedTuple):
    """Entries with different keys, in order."""

    span: Span
    entries: tuple[Entry, ...]


Node = ScalarNode | Removal | SequenceNode | MappingNode


class Document(NamedTuple):
    """What one file says, and where it says it."""

    data: Data
    source: SourceMap


def document(root: Node, texts: Mapping[str, str], removed: Mapping[Path, Span] = MappingProxyType({})) -> Document:
    """The data under `root`, every key and value of it written down under its path, and what was `removed` from it."""
    start = root.span._replace(end_line=root.span.line, end_column=root.span.column)
    keys: dict[Path, Span] = {(): start}
    values: dict[Path, Span] = {}
    return Document(_unfold(root, (), keys, values), SourceMap(keys, values, texts, removed))


def plain(node: Node) -> Data:
    """The data alone."""
    match node:
        case ScalarNode():
            return node.value
        case Removal():
            return None
        case SequenceNode():
            return [plain(item) for item in node.items]
        case MappingNode():
            return {entry.key: plain(entry.node) for entry in node.entries}


def removals(node: Node, path: Path = ()) -> Iterator[tuple[Path, Span]]:
    """Each `!remove` inside of a node, with its path and place."""
    match node:
        case Removal(span):
            yield path, span
        case SequenceNode():
            for i, item in enumerate(node.items):
                yield from removals(item, (*path, i))
        case MappingNode():
            for each in node.entries:
                yield from removals(each.node, (*path, each.key))
        case ScalarNode():
            return


def entry(group: Node, key: str) -> Entry | None:
    """The entry of a group; None when there is none, or no group."""
    return next((e for e in group.entries if e.key == key), None) if isinstance(group, MappingNode) else None


def _unfold(node: Node, path: Path, keys: dict[Path, Span], values: dict[Path, Span]) -> Data:
    values[path] = node.span
    match node:
        case ScalarNode():
            return node.value
        case Removal():
            return None
        case SequenceNode():
            return [_unfold(item, (*path, i), keys, values) for i, item in enumerate(node.items)]
        case MappingNode():
            data: dict[str, Data] = {}
            for each in node.entries:
                keys[(*path, each.key)] = each.span
                data[each.key] = _unfold(each.node, (*path, each.key), keys, values)
            return data
