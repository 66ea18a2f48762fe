"""A spec that is open, as far as it can be read, with what it extends. For showing only: findings are a check's."""

from __future__ import annotations

from pathlib import Path as File
from typing import NamedTuple

from cotspec.diagnostics import Sink
from cotspec.editor import loose, typed
from cotspec.front import compose, nodes
from cotspec.front.expand import without
from cotspec.front.nodes import Data, Node, ScalarNode
from cotspec.front.paths import Named, locate, project_root
from cotspec.front.text_files import shown
from cotspec.spec.experiment import Experiment


class View(NamedTuple):
    """A spec."""

    file: File
    root: File
    """The project's folder."""
    own: Node
    """What the file itself says."""
    whole: Node
    """The same with what it extends; each node has the place that it comes from."""
    base: Node | None
    """What it extends."""
    data: Data
    """The same, plain."""
    spec: Experiment
    """What fits of it, without its variants."""
    files: frozenset[str]
    """The files that it is made of, as spans name them."""


def view(file: File, own: Node, *, before: Node | None = None) -> View:
    """The spec whose file says `own`. Where that lacks lines, what the file said `before` stands in for them."""
    name, root = shown(file), project_root(file)
    said = own if before is None else compose.laid(before, own)

    def parse(text: str, called: str, _: Sink) -> Node | None:
        return said if called == name else typed.nodes(text, called)

    found = compose.sketch(file, root, parse)
    whole = said if found is None else found.root
    return View(
        file=file,
        root=root,
        own=own,
        whole=whole,
        base=_base(file, root, said),
        data=nodes.plain(whole),
        spec=loose.experiment(nodes.plain(without(whole))),
        files=frozenset() if found is None else frozenset(found.texts),
    )


def _base(file: File, root: File, said: Node) -> Node | None:
    """What a spec extends, without the spec itself."""
    given = nodes.entry(said, compose.EXTENDS)
    if given is None or not isinstance(given.node, ScalarNode) or not isinstance(given.node.value, str):
        return None
    target = locate(Named(given.node.value, compose.EXTENDS, file, root, given.node.span), Sink())
    found = None if target is None else compose.sketch(target, root, lambda text, name, _: typed.nodes(text, name))
    return None if found is None else found.root
