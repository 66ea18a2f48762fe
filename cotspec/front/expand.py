"""`variants:` → named changes of a spec. Knows nodes, the shape of a spec and dotted paths; not what a setting means.

The shape of the entries themselves has been checked (`cotspec.spec.variants`). A variant's name is made of what a
person wrote and of nothing else: adding or moving one never renames another.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from cotspec.diagnostics import Diagnostic, Sink, Span
from cotspec.diagnostics.source_map import Path
from cotspec.front import compose, dotted_paths, nodes, variant_names, variant_parts
from cotspec.front.nodes import Data, Entry, MappingNode, Node, Removal, SequenceNode
from cotspec.spec.variants import FAMILY

MOST: Final = 2_000
"""Variants of one spec."""


Axis = tuple[str, str]
"""A setting of a matrix as it is written, and its value as a person would call it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting and what it becomes."""

    path: Path
    span: Span
    """Where the path is written."""
    node: Node


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """The spec, changed."""

    name: str
    span: Span
    """The key of the entry that makes it."""
    changes: tuple[Change, ...]
    family: str
    """The entry's own name."""
    axes: tuple[Axis, ...] = ()
    """Where it stands in the matrix of its entry."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """One value of a dimension: what it adds to the name, what it changes, and where it stands in a matrix."""

    label: str
    changes: tuple[Change, ...]
    axes: tuple[Axis, ...] = ()


def expand(root: Node, sink: Sink, only: Collection[str] = ()) -> tuple[Variant, ...]:
    """Every variant of a spec, in the order of the file; none after an error. With `only`, names of variants, what is
    wrong with entries that make none of these is not found."""
    entry = nodes.entry(root, compose.VARIANTS)
    if entry is None or not isinstance(entry.node, MappingNode):
        return ()
    if not _few_enough(entry, sink):
        return ()
    own = Sink()
    _loose(entry.node, own)
    members = [
        member
        for each in entry.node.entries
        if each.key not in FAMILY and not dotted_paths.is_setting(each)
        for member in _Family(root, each, own if _may_make(each.key, only) else Sink()).members()
    ]
    _distinct([member for member in members if not only or member.name in only], own)
    sink.extend(own.findings)
    return () if own.failed else tuple(members)


def _may_make(entry: str, only: Collection[str]) -> bool:
    """Whether a variant that is asked for may be one of an entry: their names begin with its own."""
    return not only or any(f"{name}-".startswith(f"{entry}-") for name in only)


def changed(root: Node, variant: Variant) -> Node:
    """The spec as the variant has it, without `variants`."""
    for change in variant.changes:
        root = dotted_paths.put(root, change.path, change.span, change.node)
    return root


def explained(finding: Diagnostic, changes: Sequence[Change], root: Node) -> Diagnostic:
    """A finding of a variant; that a group lacks what the spec has in its place is told with the path that changes one
    value of it."""
    if finding.rule != "missing-key":
        return finding
    for change in changes:
        for path, span, node in _groups(change.path, change.span, change.node):
            if span == finding.span and isinstance(dotted_paths.get(root, path), MappingNode):
                whole = "in a variant a group takes the place of the whole one"
                return finding._replace(help=f"{whole}: `{_first(path, node)}: …` changes one value")
    return finding


def _groups(path: Path, span: Span, node: Node) -> Iterator[tuple[Path, Span, MappingNode]]:
    """A group and those within it, with their paths and the places of their keys."""
    if isinstance(node, MappingNode):
        yield path, span, node
        for each in node.entries:
            yield from _groups((*path, each.key), each.span, each.node)


def _first(path: Path, node: Node) -> str:
    """The dotted path of the first value in a group."""
    while isinstance(node, MappingNode) and node.entries:
        path, node = (*path, node.entries[0].key), node.entries[0].node
    return ".".join(map(str, path))


def without(root: Node) -> Node:
    """The spec without `variants`."""
    if not isinstance(root, MappingNode):
        return root
    return MappingNode(root.span, tuple(each for each in root.entries if each.key != compose.VARIANTS))


def _loose(group: MappingNode, sink: Sink) -> None:
    """Parts of a variant that stand where its name should."""
    from cotspec.front.did_you_mean import places  # here: most specs have none

    names: list[Path] = [(compose.VARIANTS, each.key) for each in group.entries if each.key not in FAMILY]
    for each in group.entries:
        if each.key in FAMILY:
            message = f"`{compose.VARIANTS}` holds named entries, and `{each.key}` is a part of one"
            advice = f"it belongs {places(names)}" if names else "put it below a name"
            sink.add(Diagnostic(rule="unknown-key", message=message, span=each.span, help=advice))
        elif dotted_paths.is_setting(each):
            message = f"`{compose.VARIANTS}` holds named entries, and `{each.key}` is a setting"
            sink.add(Diagnostic(rule="unknown-key", message=message, span=each.span, help=f"it belongs {places([()])}"))


# --- one entry --------------------------------------------------------------------------------------------------------


class _Family:
    """The variants of one entry."""

    def __init__(self, root: Node, entry: Entry, sink: Sink) -> None:
        self.root, self.entry, self.sink = root, entry, sink
        self.group = entry.node if isinstance(entry.node, MappingNode) else MappingNode(entry.span, ())

    def members(self) -> Iterator[Variant]:
        """Each combination that is not excluded."""
        before = len(self.sink.findings)
        fixed = [self._change(each) for each in self.group.entries if each.key not in FAMILY]
        dimensions = [*self._matrix(), *self._zip(), *self._seeds()]
        exclude = list(self._exclude())
        paths = [c for c in fixed if c] + [c for choices in dimensions for c in choices[0].changes]
        self._no_conflicts(paths)
        if not paths and not dimensions and len(self.sink.findings) == before:
            self._nothing()
        for change in fixed:
            if change is not None:
                self._no_op(change)
        hit = [False] * len(exclude)
        for combination in product(*dimensions):
            changes = (*(c for c in fixed if c), *(c for choice in combination for c in choice.changes))
            out = [number for number, (_, values) in enumerate(exclude) if _all_of(values, changes)]
            for number in out:
                hit[number] = True
            if not out:
                name = "-".join([self.entry.key, *(choice.label for choice in combination)])
                axes = tuple(axis for choice in combination for axis in choice.axes)
                yield Variant(name=name, span=self.entry.span, changes=changes, family=self.entry.key, axes=axes)
        self._unused([span for (span, _), used in zip(exclude, hit, strict=True) if not used])

    def _change(self, given: Entry) -> Change | None:
        path = dotted_paths.resolve(self.root, given, self.sink, variant=self.entry.key)
        if path is None:
            return None
        wrong = list(variant_parts.misplaced(given, path, dotted_paths.form_at(path), self.entry.key))
        self.sink.extend(wrong)
        return None if wrong else Change(path, given.span, given.node)

    def _part(self, key: str) -> tuple[Node, ...]:
        entry = nodes.entry(self.group, key)
        return () if entry is None else (entry.node,)

    def _dimensions(self, key: str) -> Iterator[tuple[Entry, Path]]:
        """The paths of `matrix` or `zip`, by name: the order they are written in must not show in a variant's name."""
        for part in self._part(key):
            for each in sorted(part.entries if isinstance(part, MappingNode) else (), key=lambda each: each.key):
                path = dotted_paths.resolve(self.root, each, self.sink, variant=self.entry.key)
                if path is not None:
                    yield each, path

    def _matrix(self) -> Iterator[list[_Choice]]:
        dimensions = list(self._dimensions("matrix"))
        labels = variant_names.short([each.key for each, _ in dimensions])
        for (each, path), label in zip(dimensions, labels, strict=True):
            values = _labelled(each.node)
            named = isinstance(each.node, MappingNode)
            yield [
                _Choice(
                    f"{label}-{name}",
                    (Change(path, node.span, node),),
                    ((each.key, name if named else _called(node)),),
                )
                for name, node in values
            ]

    def _zip(self) -> Iterator[list[_Choice]]:
        dimensions = list(self._dimensions("zip"))
        labels = variant_names.short([each.key for each, _ in dimensions])
        columns = [(path, _labelled(each.node)) for each, path in dimensions]
        if len({len(values) for _, values in columns}) > 1:
            self._uneven([each for each, _ in dimensions])
        elif columns:
            yield [
                _Choice(
                    "-".join(f"{label}-{name}" for label, (name, _) in zip(labels, row, strict=True)),
                    tuple(Change(p, node.span, node) for (p, _), (_, node) in zip(columns, row, strict=True)),
                )
                for row in zip(*(values for _, values in columns), strict=True)
            ]

    def _seeds(self) -> Iterator[list[_Choice]]:
        for part in self._part("seeds"):
            values = _labelled(part)
            if values:
                yield [_Choice(f"seed-{name}", (Change(("seed",), node.span, node),)) for name, node in values]

    def _exclude(self) -> Iterator[tuple[Span, list[tuple[Path, Data]]]]:
        for part in self._part("exclude"):
            for item in part.items if isinstance(part, SequenceNode) else ():
                entries = item.entries if isinstance(item, MappingNode) else ()
                resolved = [
                    (dotted_paths.resolve(self.root, each, self.sink, variant=self.entry.key), nodes.plain(each.node))
                    for each in entries
                ]
                if all(path is not None for path, _ in resolved):
                    yield item.span, [(path, value) for path, value in resolved if path is not None]

    # --- findings ---

    def _no_conflicts(self, changes: Sequence[Change]) -> None:
        for at, later in enumerate(changes):
            for earlier in changes[:at]:
                size = min(len(earlier.path), len(later.path))
                if earlier.path[:size] == later.path[:size]:
                    message = f"`{self.entry.key}` changes `{'.'.join(map(str, later.path))}` twice"
                    related = ((earlier.span, "is the other change"),)
                    self._add("conflicting-changes", message, later.span, "keep one of them", related=related)

    def _no_op(self, change: Change) -> None:
        self.sink.extend(dotted_paths.removed_inside(change.node, change.path))
        now = dotted_paths.get(self.root, change.path)
        if isinstance(change.node, Removal):
            if now is None:
                self.sink.add(dotted_paths.nothing_there(self.root, change.path, change.span))
        elif now is not None and nodes.plain(now) == nodes.plain(change.node):
            self.sink.add(compose.no_op(change.path, change.node.span, (now.span, "is what it is without the variant")))

    def _nothing(self) -> None:
        message = f"variant `{self.entry.key}` changes nothing"
        finding = Diagnostic(
            rule="no-op-change",
            severity="warning",
            message=message,
            span=self.entry.span,
            help="give it a change such as `stages.NAME.train.lr: 1e-5`, or leave it out",
        )
        self.sink.add(finding)

    def _uneven(self, lists: Sequence[Entry]) -> None:
        lists = sorted(lists, key=lambda each: each.span)
        for each in lists[1:]:
            first, here = (len(_labelled(one.node)) for one in (lists[0], each))
            if first != here:
                message = f"`{each.key}` has {here} values and `{lists[0].key}` has {first}"
                related = ((lists[0].span, "is the other list"),)
                advice = "lists under `zip` are as long as each other; `matrix` combines any"
                self._add("uneven-zip", message, each.span, advice, related=related)

    def _unused(self, spans: Sequence[Span]) -> None:
        if self.sink.failed:
            return
        for span in spans:
            self._add("no-op-change", "no combination has these values", span, "leave it out", severe=False)

    def _add(
        self,
        rule: str,
        message: str,
        span: Span,
        advice: str,
        *,
        related: tuple[tuple[Span, str], ...] = (),
        severe: bool = True,
    ) -> None:
        severity = "error" if severe else "warning"
        self.sink.add(
            Diagnostic(rule=rule, message=message, span=span, help=advice, related=related, severity=severity)  # type: ignore[arg-type]
        )


def _labelled(values: Node) -> list[tuple[str, Node]]:
    """The values of a dimension with what they are called."""
    match values:
        case MappingNode():
            return [(each.key, each.node) for each in values.entries]
        case SequenceNode():
            return [(variant_names.slug(nodes.plain(item)), item) for item in values.items]
        case _:
            return []


def _called(node: Node) -> str:
    """A value in the words of the spec."""
    value = nodes.plain(node)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _all_of(values: Sequence[tuple[Path, Data]], changes: Sequence[Change]) -> bool:
    given = {change.path: change.node for change in changes}
    return all(path in given and nodes.plain(given[path]) == value for path, value in values)


def _few_enough(entry: Entry, sink: Sink) -> bool:
    """Whether the number of variants is in bounds; counted before a single one is made."""
    total = 0
    for each in entry.node.entries if isinstance(entry.node, MappingNode) else ():
        total += math.prod(_sizes(each.node))
        if total > MOST:
            message = f"up to here there are {total:,} variants; the most is {MOST:,}"
            advice = "take fewer values, or split the spec (`extends` lets two share one base)"
            sink.add(Diagnostic(rule="too-many-variants", message=message, span=each.span, help=advice))
            return False
    return True


def _sizes(family: Node) -> Iterator[int]:
    for key in ("matrix", "zip", "seeds"):
        entry = nodes.entry(family, key)
        columns = entry.node.entries if entry is not None and isinstance(entry.node, MappingNode) else ()
        sizes = [_count(column.node) for column in columns]
        match key:
            case "matrix":
                yield from sizes
            case "zip":
                yield max(sizes, default=1)
            case _:
                yield max(1, _count(entry.node)) if entry is not None else 1


def _count(values: Node) -> int:
    match values:
        case MappingNode():
            return len(values.entries)
        case SequenceNode():
            return len(values.items)
        case _:
            return 0


def _distinct(members: Sequence[Variant], sink: Sink) -> None:
    first: dict[str, Variant] = {}
    for member in members:
        other = first.setdefault(member.name, member)
        if other is not member:
            here = member.changes[-1].node.span if member.changes else member.span
            there = other.changes[-1].node.span if other.changes else other.span
            message = f"two variants are called `{member.name}`"
            related = ((there, "is in the other one"),)
            advice = "give each value once, or name the values: `{name: value, …}` in place of a list"
            sink.add(Diagnostic(rule="variant-name", message=message, span=here, help=advice, related=related))
        elif len(member.name) > variant_names.LONGEST:
            message = f"the variant's name `{member.name[:40]}…` has {len(member.name)} characters"
            advice = f"the most is {variant_names.LONGEST}: name the values, `{{name: value, …}}` in place of a list"
            sink.add(Diagnostic(rule="variant-name", message=message, span=member.span, help=advice))
