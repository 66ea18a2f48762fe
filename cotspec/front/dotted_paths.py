"""Dotted paths into a spec: what they mean, what is there, and putting something else there. Knows nodes and shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic, Sink, Span
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import did_you_mean, near
from cotspec.front import foreign, nodes, phrases, shape
from cotspec.front.compose import nothing_to_remove
from cotspec.front.nodes import Entry, MappingNode, Node, Removal, SequenceNode
from cotspec.spec.experiment import Experiment
from cotspec.spec.variants import FAMILY

_NOT_CHANGED: Final = frozenset({"cotspec", "name", "about", "extends", "variants", "allow"})
"""What belongs to the file as a whole, not to one variant."""
_ITEM: Final = re.compile(r"(\w+)\[(\d+)\]")
_CHECKED: Final = (("resources", "stages"), ("trace",))
"""Where names stand that a rule checks: those of stages, which are used elsewhere too, and of segments, of which some
are always there."""


def get(root: Node, path: Path) -> Node | None:
    """What stands at a path; None when nothing does."""
    for step in path:
        below = _below(root, step)
        if below is None:
            return None
        root = below
    return root


def put(root: Node, path: Path, span: Span, node: Node) -> Node:
    """The same tree with `node` at `path`, or with nothing there for a Removal; what is missing above it is made.

    `span` is where the path is written: it is the place of the keys that come in.
    """
    if not path:
        return node
    step, rest = path[0], path[1:]
    if isinstance(step, int) and isinstance(root, SequenceNode):
        items = list(root.items)
        items[step] = put(items[step], rest, span, node)
        return SequenceNode(root.span, tuple(items))
    group = root if isinstance(root, MappingNode) else MappingNode(span, ())
    if not rest and isinstance(node, Removal):
        return group._replace(entries=tuple(each for each in group.entries if each.key != step))
    below = _below(group, step)
    inner = put(MappingNode(span, ()) if below is None else below, rest, span, node)
    if below is None:
        return group._replace(entries=(*group.entries, Entry(str(step), span, inner)))
    key_span = None if rest else span
    entries = tuple(
        Entry(each.key, key_span or each.span, inner) if each.key == step else each for each in group.entries
    )
    return group._replace(entries=entries)


def _below(node: Node, step: str | int) -> Node | None:
    if isinstance(node, SequenceNode) and isinstance(step, int):
        return node.items[step] if step < len(node.items) else None
    if isinstance(node, MappingNode):
        return next((each.node for each in node.entries if each.key == step), None)
    return None


# --- reading a dotted path --------------------------------------------------------------------------------------------


def resolve(root: Node, given: Entry, sink: Sink, *, variant: str = "") -> Path | None:
    """The path an entry's key means; None after a finding.

    A setting that is not written but known to the language may be named; a stage, model or data set must be there, or
    be the last part (a new one). `variant` is the entry of `variants` it stands in, for the help.
    """
    words = given.key.split(".")
    if variant and given.key in FAMILY:
        message = f"`{given.key}` is no setting of a spec, but a part of a variant"
        advice = f"it belongs in `variants.{variant}`"
        sink.add(Diagnostic(rule="unknown-path", message=message, span=given.span, help=advice))
        return None
    if words[0] in _NOT_CHANGED:
        message = f"`{words[0]}` is the same in all variants of a spec"
        sink.add(Diagnostic(rule="unknown-path", message=message, span=given.span, help="leave it out"))
        return None
    path: Path = ()
    node: Node | None = root
    form: shape.Form = Experiment
    while words:
        step = _step(node, form, words, anything=path in _CHECKED)
        if step is None:
            sink.add(_unknown(given, words, path, node, form))
            return None
        path, words = (*path, step), words[str(step).count(".") + 1 :]
        node, form = (None if node is None else _below(node, step)), shape.step(form, step)
    return path


def continuations(root: Node, path: Path) -> Iterator[str]:
    """What a dotted path may go on with after `path`: what is written there, then what the language has there."""
    node = get(root, path)
    match node:
        case SequenceNode():
            yield from map(str, range(len(node.items)))
        case MappingNode():
            yield from (each.key for each in node.entries if path or each.key not in _NOT_CHANGED)
    known = (key for model in shape.models(form_at(path)) for key in shape.keys(model))
    yield from (key for key in known if path or key not in _NOT_CHANGED)


def _step(node: Node | None, form: shape.Form, words: list[str], *, anything: bool) -> str | int | None:
    """The next part: what is there (a key may itself hold dots), or what the language has there.

    `anything`: any name will do here, for it is checked elsewhere.
    """
    if isinstance(node, SequenceNode):
        at = int(words[0]) if words[0].isdecimal() and len(words[0]) < 7 else -1
        return at if 0 <= at < len(node.items) else None
    written = {each.key for each in node.entries} if isinstance(node, MappingNode) else set()
    there = next((key for n in range(len(words), 0, -1) if (key := ".".join(words[:n])) in written), None)
    if there is not None:
        return there
    if any(words[0] in shape.keys(model) for model in shape.models(form)):
        return words[0]
    if shape.named(form):
        if anything:
            return words[0]
        whole = ".".join(words)  # a metric's name holds dots; a stage's does not
        return whole if len(words) == 1 or not shape.models(shape.step(form, whole)) else None
    return None


def _unknown(given: Entry, words: list[str], path: Path, node: Node | None, form: shape.Form) -> Diagnostic:
    written = [each.key for each in node.entries] if isinstance(node, MappingNode) else []
    known = list(dict.fromkeys([*written, *(key for model in shape.models(form) for key in shape.keys(model))]))
    theirs = foreign.folded(words[0])
    ours = foreign.NAMES.get(theirs, "").rpartition(".")[2]
    close = (ours,) if ours in known else near(words[0], [*known, *FAMILY] if given.key == words[0] else known)
    before = ".".join(map(str, path))
    if (item := _ITEM.fullmatch(words[0])) and item[1] in known:
        close = (f"{item[1]}.{item[2]}",)  # a list's item, as Python and jq write it
    whole = tuple(".".join(filter(None, (before, one, *words[1:]))) for one in close)
    where = f"in {phrases.name(path)}" if path else "in a spec"
    if isinstance(node, SequenceNode):
        message = f"`{before}` is a list of {len(node.items)}: there is no item `{phrases.cut(words[0])}`"
        advice = "items are counted from 0; to change the length give the whole list"
    else:
        message = f"there is no `{phrases.cut(words[0])}` {where}"
        advice = foreign.ADVICE.get(theirs) or did_you_mean(whole, known) or "leave it out"
        close = () if theirs in foreign.ADVICE else close
    return Diagnostic(
        rule="unknown-path",
        message=message,
        span=_inside(given, before, words[0]),
        help=advice,
        suggestions=close,
    )


def _inside(given: Entry, before: str, word: str) -> Span:
    """The part of the key that is wrong; all of it when quoting or escapes hide where that is."""
    span, first = given.span, len(before) + 1 if before else 0
    width = span.end_column - span.column - len(given.key)
    if span.line != span.end_line or width not in (0, 2):
        return span
    start = span.column + first + width // 2
    return Span(span.file, span.line, start, span.line, start + len(word))


def is_setting(entry: Entry) -> bool:
    """Whether an entry of `variants` is rather a setting of the spec: it has the name of one and hardly changes any."""
    if entry.key not in Experiment.model_fields or not isinstance(entry.node, MappingNode) or not entry.node.entries:
        return False
    firsts = [each.key.split(".")[0] for each in entry.node.entries]
    return 2 * sum(first in Experiment.model_fields or first in FAMILY for first in firsts) < len(firsts)


def nothing_there(root: Node, path: Path, span: Span) -> Diagnostic:
    """A finding: a variant removes what is not there, because it is misspelt or because it is not given."""
    group, form = get(root, path[:-1]), form_at(path[:-1])
    last = str(path[-1])
    setting = any(last in shape.keys(model) for model in shape.models(form))
    known = [each.key for each in group.entries] if isinstance(group, MappingNode) and not setting else []
    written = Entry(".".join(map(str, path)), span, Removal(span))
    place = _inside(written, ".".join(map(str, path[:-1])), last)
    return nothing_to_remove(Entry(last, place, written.node), known)


def removed_inside(change: Node, path: Path) -> Iterator[Diagnostic]:
    """Findings: `!remove` within a group that takes the place of another one whole."""
    for inside, span in nodes.removals(change, path) if not isinstance(change, Removal) else ():
        whole, dotted = (".".join(map(str, each)) for each in (path, inside))
        message = f"there is no `{phrases.cut(str(inside[-1]))}` to remove: a variant replaces the whole of `{whole}`"
        advice = f"leave the line out; to drop it and keep the rest of `{whole}` write `{dotted}: !remove `"
        yield Diagnostic(rule="nothing-to-remove", message=message, span=span, help=advice)


def form_at(path: Path) -> shape.Form:
    """What the language has at a path."""
    form: shape.Form = Experiment
    for step in path:
        form = shape.step(form, step)
    return form
