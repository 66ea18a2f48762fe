"""YAML text → plain data and the position of every key and value. Knows YAML; not what a spec means.

libyaml parses; scalars are read by `scalars` (YAML 1.2), and what YAML allows but a spec must not hold is refused here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import yaml

from cotspec.diagnostics import Diagnostic, Sink, Span
from cotspec.files import scalars
from cotspec.front import nodes, phrases, yaml_errors
from cotspec.front.nodes import Document, Entry, MappingNode, Node, Removal, ScalarNode, SequenceNode

_Opening = yaml.ScalarEvent | yaml.CollectionStartEvent
_OPENING = (yaml.ScalarEvent, yaml.CollectionStartEvent)

DEEPEST = 50
"""Groups and lists inside one another."""
MOST = 10_000
"""Values of a spec, those of an alias counted at each use."""


REMOVE = "!remove"
"""The one tag a spec may use."""


def parse(text: str, file: str, sink: Sink) -> Document | None:
    """Read one document; None after an error. `text` has lines ended by `\\n` and no byte order mark."""
    root = parse_nodes(text, file, sink)
    return None if root is None else nodes.document(root, {file: text})


def parse_nodes(text: str, file: str, sink: Sink) -> Node | None:
    """The same as nodes, in which `!remove` can still be told from nothing."""
    own = Sink()
    root = _Parser(text, file, own).document()
    sink.extend(own.findings)
    return None if own.failed else root


def sketch(text: str, file: str) -> tuple[Node | None, Span | None]:
    """The nodes of a text that is being typed, whatever is wrong with them; or where reading it stopped."""
    own = Sink()
    root = _Parser(text, file, own).document()
    return root, own.findings[-1].span if root is None else None


class _StopError(Exception):
    """Nothing after this place can be read; the finding is in the sink."""


class _Parser:
    """Builds nodes from libyaml's events, which come lazily: a hostile file is left at its first offence."""

    def __init__(self, text: str, file: str, sink: Sink) -> None:
        self.text, self.file, self.sink = text, file, sink
        self.anchors: dict[str, tuple[Node, int] | None] = {}
        self.count = 0
        self.unquoted = -1
        """Where the last text ends that should have been quoted: what the parser makes of its rest is said already."""
        self.events = self._events()

    def document(self) -> Node | None:
        """The root, or None when the file cannot be read to its end."""
        try:
            begin = next(self.events)
            first = begin if isinstance(begin, yaml.StreamEndEvent) else next(self.events)
            if isinstance(first, yaml.StreamEndEvent) or (isinstance(first, yaml.ScalarEvent) and _absent(first)):
                advice = "`cotspec init` writes a spec to start from"
                self._stop("empty-file", "the file has no settings", Span(self.file, 1, 1, 1, 1), advice)
            root = self._node(first, 0)
            self._only_one()
        except _StopError:
            return None
        return root

    def _events(self) -> Iterator[yaml.Event]:
        event: yaml.Event | None = None
        loader = yaml.CSafeLoader(self.text)
        try:
            loader.get_event()  # the start of the stream
            while (event := loader.get_event()) is not None:
                yield event
        except yaml.YAMLError as error:
            mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
            if mark is None or mark.index >= self.unquoted:
                quoted = self._span(event) if event and getattr(event, "style", None) in ("'", '"') else None
                self.sink.add(yaml_errors.translate(error, self.file, self.text.split("\n"), quoted))
            raise _StopError from error
        finally:
            loader.dispose()

    def _only_one(self) -> None:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                advice = "put each spec in a file of its own"
                self._stop("two-documents", "a second document begins here", self._span(event), advice)

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if type(event) is yaml.ScalarEvent and event.tag is None and event.anchor is None and depth <= DEEPEST:
            self._counted(1, event)  # nine nodes of ten end here
            return ScalarNode(self._span(event), self._scalar(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if not isinstance(event, _OPENING):
            raise RuntimeError(f"libyaml gave {event} where a value begins")  # noqa: TRY004 - a bug, not an argument
        if depth > DEEPEST:
            self._stop("too-deep", f"nested more than {DEEPEST} deep", self._span(event))
        before = self.count
        self._counted(1, event)
        self._refuse_tag(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        node = self._content(event, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = (node, self.count - before)
        return node

    def _content(self, event: _Opening, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            if event.tag == REMOVE:
                return Removal(self._removal(event))
            return ScalarNode(self._span(event), self._scalar(event))
        listing = isinstance(event, yaml.SequenceStartEvent)
        return self._list(event, depth) if listing else self._group(event, depth)

    def _alias(self, event: yaml.AliasEvent) -> Node:
        target = self.anchors.get(event.anchor or "")
        if target is None:
            inside = event.anchor in self.anchors
            what = (
                f"`*{event.anchor}` stands inside its own anchor" if inside else f"there is no `&{event.anchor}` above"
            )
            self._stop("unknown-alias", what, self._span(event))
        self._counted(target[1], event)
        return target[0]._replace(span=self._span(event))

    def _list(self, start: yaml.CollectionStartEvent, depth: int) -> SequenceNode:
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            item = self._node(event, depth + 1)
            if self._in_unquoted(event):
                continue
            items.append(item)
            if start.flow_style:
                self._refuse_unquoted(event)
        return SequenceNode(self._whole(start, event, items[-1] if items else None), tuple(items))

    def _group(self, start: yaml.CollectionStartEvent, depth: int) -> MappingNode:
        entries: dict[str, Entry] = {}
        last: Node | None = None
        bare = False
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = next(self.events)
            last = self._node(value, depth + 1)
            if self._in_unquoted(event):
                continue
            if start.flow_style:
                self._refuse_unquoted(value)
            if _bare(event, value):
                if not bare:  # the next ones are mostly more of the same text
                    advice = "give it one as in `key: value`; a text with a comma in it goes in quotes inside `{ }`"
                    self._add("key-without-value", f"`{_text(event)}` has no value", key.span, advice)
                bare = True
                continue
            name = self._name(key, plain=isinstance(event, yaml.ScalarEvent) and event.implicit[0])
            if name is None:
                continue
            if name in entries:
                self._duplicate(name, key.span, entries[name].span)
            entries.setdefault(name, Entry(name, key.span, last))
        return MappingNode(self._whole(start, event, last), tuple(entries.values()))

    def _in_unquoted(self, event: yaml.Event) -> bool:
        return event.start_mark is not None and event.start_mark.index < self.unquoted

    def _refuse_unquoted(self, event: yaml.Event) -> None:
        """A value in braces or brackets that a comma cut: what comes up to its end is no keys or items of anybody."""
        text = yaml_errors.unquoted(event, self.text) if isinstance(event, yaml.ScalarEvent) else ""
        if text and event.start_mark is not None:
            self.unquoted = event.start_mark.index + len(text)
            self.sink.add(yaml_errors.cut_at_comma(self._span(event), str(getattr(event, "value", "")), text))

    def _name(self, key: Node, *, plain: bool) -> str | None:
        if not isinstance(key, ScalarNode) or not isinstance(key.value, str):
            self._add("key-not-text", "a key must be text", key.span, "put it in quotes if it is meant as text")
            return None
        if key.value == "<<" and plain:
            advice = "write the settings out, or use a whole group again with `*name`"
            self._add("merge-key", "settings cannot be merged with `<<`", key.span, advice)
            return None
        return key.value

    def _duplicate(self, key: str, span: Span, first: Span) -> None:
        message = f"the key `{key}` is already given on line {first.line}, column {first.column}"
        related = ((first, "is the first"),)
        self.sink.add(Diagnostic(rule="duplicate-key", message=message, span=span, help="keep one", related=related))

    def _scalar(self, event: yaml.ScalarEvent) -> scalars.Value:
        if not event.implicit[0]:
            return str(event.value)
        try:
            return scalars.resolve(event.value)
        except scalars.NotFiniteError:
            self._add("not-finite", "this is not a finite number", self._span(event), "give a number below 1.8e308")
            return None

    def _removal(self, event: yaml.ScalarEvent) -> Span:
        span = self._span(event)
        if event.value or event.anchor is not None:
            self._add("yaml-tag", f"`{REMOVE}` stands alone", span, f"write `key: {REMOVE}`, with nothing after it")
        return span

    def _refuse_tag(self, event: _Opening) -> None:
        if event.tag is not None and not (event.tag == REMOVE and isinstance(event, yaml.ScalarEvent)):
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            advice = f"leave it out (only `{REMOVE}` is known); a text that looks like something else goes in quotes"
            self._add("yaml-tag", f"the tag `{tag}` is not used in specs", self._span(event), advice)

    def _span(self, event: yaml.Event) -> Span:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:
            raise RuntimeError(f"libyaml gave {event} without a place")
        return Span(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def _whole(self, start: yaml.CollectionStartEvent, end: yaml.Event, last: Node | None) -> Span:
        """From the start to the closing bracket or, in block style, to the end of the last value."""
        first, close = self._span(start), self._span(end)
        stop = close if start.flow_style or last is None else last.span
        return Span(self.file, first.line, first.column, stop.end_line, stop.end_column)

    def _counted(self, more: int, event: yaml.Event) -> None:
        self.count += more
        if self.count > MOST:
            self._stop("too-large", f"up to here there are more than {MOST:,} values", self._span(event))

    def _add(self, rule: str, message: str, span: Span, advice: str = "") -> None:
        self.sink.add(Diagnostic(rule=rule, message=message, span=span, help=advice))

    def _stop(self, rule: str, message: str, span: Span, advice: str = "") -> NoReturn:
        self._add(rule, message, span, advice)
        raise _StopError


def _bare(key: yaml.Event, value: yaml.Event) -> bool:
    """Whether a key of a group in braces stands alone, without even a colon: `{a: min(b, c)}` has the key `c)`."""
    if not isinstance(value, yaml.ScalarEvent) or value.value or not isinstance(key, yaml.ScalarEvent):
        return False
    ends, begins = key.end_mark, value.start_mark
    return ends is not None and begins is not None and ends.index == begins.index


def _absent(event: yaml.ScalarEvent) -> bool:
    """Whether nothing is written where a value could be."""
    return not (event.value or event.style or event.anchor or event.tag)


def _text(event: yaml.Event) -> str:
    return phrases.cut(str(getattr(event, "value", "")))
