"""What stands at a place of a spec: what it means (hover) and where it is defined."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path as File
from typing import Final, NamedTuple

from cotspec.diagnostics import Sink, Span
from cotspec.diagnostics.source_map import Path
from cotspec.editor import names, places, scopes, typed
from cotspec.editor.names import Name, code
from cotspec.editor.view import View
from cotspec.front import dotted_paths, nodes, shape
from cotspec.front.compose import EXTENDS, VARIANTS
from cotspec.front.nodes import Entry, MappingNode, Node, ScalarNode, SequenceNode
from cotspec.front.paths import Named, locate
from cotspec.front.text_files import shown
from cotspec.spec.named_files import NAMES_A_FILE, fits

_WORD: Final = re.compile(r"[A-Za-z_][\w.]*")


class Meaning(NamedTuple):
    """What is said of a place, as Markdown, and all that it is about."""

    text: str
    span: Span | None


def meaning(view: View, line: str, number: int, column: int) -> Meaning | None:
    """What stands at a place: `column` of a `line`, both counted from 0."""
    found = _found(view, number, column)
    if found is None:
        return None
    setting = (places.named if found.in_key else places.setting)(view.whole, found.path)
    said = _name(view, found) or _asked(view, found, line, column)
    parts = [*(_reference(view, setting) if said is None else (said,)), *_instead(view, found, setting)]
    return Meaning("\n\n".join(parts), found.span) if parts else None


def definition(view: View, line: str, number: int, column: int) -> Span | None:
    """Where that is defined which stands at a place."""
    found = _found(view, number, column)
    if found is None:
        return None
    if found.in_key and places.is_dotted(found.path):
        return _written(view, found, column)
    name = _named(view, found)
    if name is not None:
        return name.span
    setting = places.setting(view.whole, found.path)
    if found.in_key:
        return None
    if setting == (EXTENDS,) or any(fits(setting, pattern) for pattern in NAMES_A_FILE):
        return _file(view, found.node, setting)
    if scopes.is_expression(setting):
        return _asked_about(view, setting, _word(line, column))
    return None


def _found(view: View, number: int, column: int) -> typed.Written | None:
    """The key or scalar at a place; None for what is between those of a group."""
    found = typed.at_place(view.own, number + 1, column + 1)
    if found is None or not found.path:
        return None
    between = not found.in_key and isinstance(found.node, MappingNode | SequenceNode)
    return None if between else found


# --- names ------------------------------------------------------------------------------------------------------------


def _named(view: View, found: typed.Written) -> Name | None:
    """What the name at a place is the name of."""
    if found.in_key:
        group = places.setting(view.whole, found.path[:-1])
        kinds, path, name = names.kinds_of_keys(group), group, str(found.path[-1])
    else:
        path = places.setting(view.whole, found.path)
        value = found.node.value if isinstance(found.node, ScalarNode) else None
        kinds, name = names.kinds_of(path), str(value)
    return names.names(kinds, view.whole, view.spec, path).get(name) if kinds else None


def _name(view: View, found: typed.Written) -> str | None:
    name = _named(view, found)
    return None if name is None else told(name)


def told(name: Name) -> str:
    """What is known of a name, as Markdown."""
    where = f", {code(names.place(name.span))}" if name.span is not None else ""
    about = f"\n\n{code(name.about)}" if name.about else ""
    return f"{code(name.name)}: {name.what}{where}{about}"


# --- expressions ------------------------------------------------------------------------------------------------------


def _asked(view: View, found: typed.Written, line: str, column: int) -> str | None:
    """What a word of an expression is."""
    setting = places.setting(view.whole, found.path)
    if found.in_key or not scopes.is_expression(setting):
        return None
    said = scopes.said(view.spec, setting).get(_word(line, column))
    return None if said is None else f"{code(said.name)}: {said.kind}\n\n{said.about}"


def _word(line: str, column: int) -> str:
    words = (each for each in _WORD.finditer(line) if each.start() <= column <= each.end())
    return next((each.group() for each in words), "")


def _asked_about(view: View, setting: Path, word: str) -> Span | None:
    """Where the text, judge, segment or `let` name is that a word of an expression speaks of."""
    first = word.partition(".")[0]
    above = setting[:2]
    homes: tuple[Path, ...] = (
        (*above, "reward", "let", first),
        (*above, "judges", first),
        ("generate", first),
        ("data", first),
        ("trace", first),
    )
    found = (_entry(view.whole, home) for home in homes if first)
    return next((each.span for each in found if each is not None), None)


# --- settings ---------------------------------------------------------------------------------------------------------


def _reference(view: View, setting: Path) -> Iterator[str]:
    """What the reference says of a setting, or of a thing that has a name of its own."""
    key = places.key_at(view.data, setting)
    if key is not None:
        yield f"{code(key.name)}: {shape.describe(key.form)}"
        yield key.meaning
        if key.default and not key.info.is_required():
            yield f"Default: {key.default}"
        return
    form = places.form_at(view.data, setting)
    group = shape.models(form)[:1] if form is not None else ()
    yield from (f"{code(str(setting[-1]))}: {' '.join((model.__doc__ or '').split())}" for model in group)


def _instead(view: View, found: typed.Written, setting: Path) -> Iterator[str]:
    """What a value replaces: the spec's own in a variant, or that of the spec which is extended."""
    in_variant = found.path[:1] == (VARIANTS,)
    if in_variant and setting == found.path:
        return  # a part of the variant itself
    while isinstance(setting[-1], int):
        setting = setting[:-1]  # a list is replaced as a whole
    base = view.whole if in_variant else view.base
    node = None if base is None else dotted_paths.get(base, setting)
    if node is not None and not isinstance(found.node, MappingNode):
        what = "Without the variant" if in_variant else "In the spec that is extended"
        yield f"{what}: {code(names.shown(node))} ({code(names.place(node.span))})"
    elif node is None and in_variant:
        yield "The spec itself does not give it."


def _entry(root: Node, path: Path) -> Entry | None:
    """The entry at a path."""
    group = dotted_paths.get(root, path[:-1])
    return None if group is None else nodes.entry(group, str(path[-1]))


def _written(view: View, found: typed.Written, column: int) -> Span | None:
    """Where that part of a dotted path is written which has the cursor, or else what is around it."""
    words = str(found.path[-1]).split(".")
    ends = accumulate(len(word) + 1 for word in words)
    at = column - (found.span.column - 1)
    count = next((n for n, end in enumerate(ends, 1) if at < end), len(words))
    path = places.resolved(view.whole, ".".join(words[:count]))
    around = (path[:size] for size in range(len(path or ()), 0, -1)) if path else ()
    found_entries = (_entry(view.whole, each) for each in around)
    return next((each.span for each in found_entries if each is not None), None)


def _file(view: View, node: Node, setting: Path) -> Span | None:
    """The first line of the file that a setting names."""
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return None
    file = locate(Named(node.value, str(setting[-1]), view.file, view.root, node.span), Sink())
    return Span(shown(file), 1, 1, 1, 1) if file is not None and os.path.isfile(File(file)) else None
