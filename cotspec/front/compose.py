"""`extends:` — a spec from the chain of files it is made of. Knows nodes and files; not what a setting means.

Groups merge, lists and values replace, `!remove` drops. A variant is one unit: it is replaced or dropped whole. The
entries of `allow` add up, since each speaks of lines that come along. Every node keeps the place in the file it comes
from, so a finding points there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path as File
from typing import Final, NamedTuple

from cotspec.diagnostics import Diagnostic, Sink, Span
from cotspec.diagnostics.origins import Link, linked
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import did_you_mean, near
from cotspec.front import nodes, phrases, yaml_source
from cotspec.front.nodes import Entry, MappingNode, Node, Removal, ScalarNode, SequenceNode
from cotspec.front.paths import Named, folder_of, locate
from cotspec.front.rebase import rebased
from cotspec.front.text_files import read, shown
from cotspec.spec.experiment import Experiment

EXTENDS: Final = "extends"
VARIANTS: Final = "variants"
ALLOW: Final = "allow"
LONGEST: Final = 10
"""Files of a chain."""
_NO_OP_IS_FINE: Final = ("cotspec", "name")
"""A reader wants to see these in every file."""


class Composed(NamedTuple):
    """One spec, whatever it was made of."""

    root: Node
    texts: Mapping[str, str]
    """Text of each file of the chain, by the name that spans use."""
    links: Mapping[str, tuple[Link, ...]]
    """By file, the `extends` lines that lead to it, the nearest to the spec first."""
    removed: Mapping[Path, Span]
    """Where a file takes out what one below it says."""


Read = Callable[[str, str, Sink], Node | None]
"""Text and name of a file → its nodes, or None after a finding."""


class _Layer(NamedTuple):
    root: Node
    name: str
    text: str


def compose(file: File, root: File, sink: Sink) -> Composed | None:
    """Read a spec and all it extends; None after an error. `root` is the project, which no file may lie outside of."""
    chain = _Chain(file, root)
    layers = list(chain.layers(sink))
    if not chain.whole:
        return None
    _refuse_removals(layers[-1].root, sink)
    composed = _composed(layers, chain, sink)
    return None if sink.failed else composed


def sketch(file: File, root: File, parse: Read) -> Composed | None:
    """What a spec that is being typed comes to with all it extends, as far as `parse` can read them; no findings."""
    chain = _Chain(file, root, parse)
    layers = list(chain.layers(Sink()))
    return _composed(layers, chain, Sink()) if layers else None


def _composed(layers: Sequence[_Layer], chain: _Chain, sink: Sink) -> Composed:
    whole, merge = layers[-1].root, _Merge(sink)
    for layer in reversed(layers[:-1]):
        whole = merge.nodes(whole, layer.root, ())
    texts = {layer.name: layer.text for layer in layers}
    return Composed(root=whole, texts=texts, links=chain.links, removed=merge.removed)


def laid(below: Node, above: Node) -> Node:
    """What a spec makes of the one it lies on, whatever is wrong with it."""
    return _Merge(Sink()).nodes(below, above, ())


# --- reading ----------------------------------------------------------------------------------------------------------


class _Chain:
    """Walks from a spec to the spec it extends, and on; remembers how it got there."""

    def __init__(self, file: File, root: File, parse: Read = yaml_source.parse_nodes) -> None:
        self.file, self.root, self.parse = file, root, parse
        self.links: dict[str, tuple[Link, ...]] = {}
        self.whole = False
        """Whether the end of the chain was reached."""

    def layers(self, sink: Sink) -> Iterator[_Layer]:
        """The files from the spec to the one that extends nothing; after an error no more come."""
        file: File | None = self.file
        came: tuple[Link, ...] = ()
        while file is not None:
            own = Sink()
            name = shown(file)
            text = read(file, own)
            node = None if text is None else self.parse(text, name, own)
            self.links[name] = came
            sink.extend(linked(one, self.links) for one in own.findings)
            if node is None or text is None:
                return
            moved = rebased(node, of=folder_of(file), to=folder_of(self.file))
            yield _Layer(root=moved, name=name, text=text)
            given = nodes.entry(node, EXTENDS)
            file = None if given is None else self._next(file, given, came, sink)
            self.whole = given is None
            if given is not None:
                came = (*came, (given.node.span, "is extended here"))

    def _next(self, file: File, given: Entry, came: tuple[Link, ...], sink: Sink) -> File | None:
        """The file an entry names; None after a finding."""
        span, named = given.node.span, given.node
        if not isinstance(named, ScalarNode) or not isinstance(named.value, str) or not named.value:
            message = f"`{EXTENDS}` wants the file name of a spec, got {phrases.got(nodes.plain(named))}"
            place = given.span if isinstance(named, ScalarNode) and named.value is None else span
            sink.add(Diagnostic(rule="wrong-type", message=message, span=place, help="a spec extends one other spec"))
            return None
        target = locate(Named(written=named.value, key=EXTENDS, spec=file, root=self.root, span=span), sink)
        if target is None:
            return None
        return target if self._sound(target, span, came, sink) else None

    def _sound(self, target: File, span: Span, came: tuple[Link, ...], sink: Sink) -> bool:
        """Whether the chain may go on to `target`."""
        if shown(target) in self.links:
            message = f"`{shown(target)}` extends itself"
            sink.add(Diagnostic(rule="extends-cycle", message=message, span=span, help="leave it out", related=came))
            return False
        if not os.path.lexists(target):  # unlike the methods of Path, these never raise
            names = _listed(target.parent)
            advice = did_you_mean(near(target.name, names)) or "give a path relative to the folder of this spec"
            message = f"there is no file `{shown(target)}` to extend"
            sink.add(Diagnostic(rule="missing-file", message=message, span=span, help=advice))
            return False
        if not os.path.isfile(target):
            message, advice = f"`{shown(target)}` is no file that can be extended", "name the file of a spec"
            sink.add(Diagnostic(rule="not-a-file", message=message, span=span, help=advice))
            return False
        if len(self.links) >= LONGEST:
            message = f"a chain of more than {LONGEST} specs"
            sink.add(Diagnostic(rule="extends-cycle", message=message, span=span, help="put some of them together"))
            return False
        return True


def _listed(folder: File) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


# --- merging ----------------------------------------------------------------------------------------------------------


class _Merge:
    """Puts a spec on top of the one it extends."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.removed: dict[Path, Span] = {}

    def nodes(self, below: Node, above: Node, path: Path) -> Node:
        """What `above` makes of `below`."""
        if isinstance(below, MappingNode) and isinstance(above, MappingNode):
            return self._groups(below, above, path)
        if path == (ALLOW,) and isinstance(below, SequenceNode) and isinstance(above, SequenceNode):
            return SequenceNode(above.span, (*below.items, *above.items))
        self._no_op(below, above, path)
        _refuse_removals(above, self.sink, path)
        return above

    def _groups(self, below: MappingNode, above: MappingNode, path: Path) -> MappingNode:
        merged = {each.key: each for each in below.entries}
        for each in above.entries:
            under = merged.get(each.key)
            here = (*path, each.key)
            if here == (EXTENDS,):
                continue
            if isinstance(each.node, Removal):
                merged.pop(each.key, None)
                self.removed[here] = each.span
                if under is None:
                    self.sink.add(nothing_to_remove(each, [known.key for known in below.entries]))
            elif under is None or path == (VARIANTS,):
                if path != (VARIANTS,):
                    _refuse_removals(each.node, self.sink, here)
                merged[each.key] = each
            else:
                merged[each.key] = each._replace(node=self.nodes(under.node, each.node, here))
        if not path:
            merged.pop(EXTENDS, None)
        return MappingNode(above.span, tuple(merged.values()))

    def _no_op(self, below: Node, above: Node, path: Path) -> None:
        same = type(below) is type(above) and nodes.plain(below) == nodes.plain(above)
        if same and path[-1:] != () and path[0] not in _NO_OP_IS_FINE:
            self.sink.add(no_op(path, above.span, (below.span, "says the same")))


def nothing_to_remove(given: Entry, known: list[str]) -> Diagnostic:
    """A finding: `!remove` where there is nothing."""
    close = () if (nested := phrases.nested(given.key, known, "!remove ")) else near(given.key, known)
    advice = nested or did_you_mean(close) or "leave the line out"
    message = f"there is no `{phrases.cut(given.key)}` to remove"
    return Diagnostic(rule="nothing-to-remove", message=message, span=given.span, help=advice, suggestions=close)


def no_op(path: Path, span: Span, first: Link) -> Diagnostic:
    """A finding: a change that changes nothing."""
    message = f"{phrases.label(path)} has this value already"
    advice = "leave the line out"
    return Diagnostic(
        rule="no-op-change", severity="warning", message=message, span=span, help=advice, related=(first,)
    )


def _refuse_removals(node: Node, sink: Sink, path: Path = ()) -> None:
    """Find `!remove` in what is not put on top of anything (in a variant it is: there it is left alone)."""
    if path[:1] == (VARIANTS,) or (path and path[0] not in Experiment.model_fields):
        return  # the second is an unknown key, which is a finding of its own
    match node:
        case MappingNode():
            for each in node.entries:
                if isinstance(each.node, Removal):
                    sink.add(nothing_to_remove(each, []))
                elif not isinstance(each.node, ScalarNode):
                    _refuse_removals(each.node, sink, (*path, each.key))
        case SequenceNode():
            for item in node.items:
                if isinstance(item, Removal):
                    message = f"`{yaml_source.REMOVE}` drops a key, not an item of a list"
                    advice = "write the whole list as it should be"
                    sink.add(Diagnostic(rule="nothing-to-remove", message=message, span=item.span, help=advice))
                else:
                    _refuse_removals(item, sink, path)
        case Removal() | ScalarNode():
            return
