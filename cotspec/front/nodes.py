"""YAML nodes with their places, and their unfolding into plain data and a source map. Knows no YAML syntax."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cotspec.diagnostics import Span
from cotspec.diagnostics.source import Path, SourceMap
from cotspec.front.scalars import Value

Data = Value | list["Data"] | dict[str, "Data"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value."""

    span: Span
    value: Value


@dataclass(frozen=True, slots=True)
class Listing:
    """Items in order."""

    span: Span
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A key, its place, and what it holds."""

    key: str
    span: Span
    node: Node


@dataclass(frozen=True, slots=True)
class Group:
    """Entries with different keys, in order."""

    span: Span
    entries: tuple[Entry, ...]


Node = Scalar | Listing | Group


@dataclass(frozen=True, slots=True)
class Document:
    """What one file says, and where it says it."""

    data: Data
    source: SourceMap


def document(root: Node, *, file: str, text: str) -> Document:
    """The data under `root`, every key and value of it written down under its path."""
    start = replace(root.span, end_line=root.span.line, end_column=root.span.column)
    keys: dict[Path, Span] = {(): start}
    values: dict[Path, Span] = {}
    return Document(_unfold(root, (), keys, values), SourceMap(keys, values, {file: text}))


def _unfold(node: Node, path: Path, keys: dict[Path, Span], values: dict[Path, Span]) -> Data:
    values[path] = node.span
    match node:
        case Scalar():
            return node.value
        case Listing():
            return [_unfold(item, (*path, i), keys, values) for i, item in enumerate(node.items)]
        case Group():
            data: dict[str, Data] = {}
            for entry in node.entries:
                keys[(*path, entry.key)] = entry.span
                data[entry.key] = _unfold(entry.node, (*path, entry.key), keys, values)
            return data
