"""What may be written where the cursor is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, Literal, NamedTuple

from cotspec.diagnostics import Sink, Span
from cotspec.diagnostics.source_map import Path
from cotspec.editor import names, places, scopes
from cotspec.editor.names import code
from cotspec.editor.typed import MARK, Cursor
from cotspec.editor.view import View
from cotspec.front import dotted_paths, nodes, shape
from cotspec.front.compose import EXTENDS, VARIANTS
from cotspec.front.expand import without
from cotspec.front.nodes import MappingNode, Node, ScalarNode
from cotspec.front.paths import Named, folder_of, locate
from cotspec.front.yaml_source import REMOVE
from cotspec.spec.named_files import NAMES_A_FILE, fits
from cotspec.spec.variants import Variant
from cotspec.views.resolved import scalar

Kind = Literal["key", "value", "name", "measure", "function", "path", "file"]
_MOST: Final = 500
"""Dotted paths, or files of a folder, that are offered at once."""
_LONGEST: Final = 200
"""Characters of a line before the cursor that are looked at for a word."""
_ASKED: Final = re.compile(r"(?<![\w.])[A-Za-z_][\w.]*\Z")
_PLAIN: Final = re.compile(r"[^\s,\[\]{}:\"']*\Z")
_GOES_ON: Final = re.compile(r"[\w.]*")
_COLON: Final = re.compile(r"\s*:")


class Candidate(NamedTuple):
    """One thing that may be written."""

    label: str
    kind: Kind
    text: str
    """What is put in: with its colon, where it is a key that has none."""
    what: str = ""
    """What it is or may be, on the same line."""
    about: str = ""
    """What it means, as Markdown."""
    late: bool = False
    """It stands behind the others."""


class Offer(NamedTuple):
    """Candidates, and the characters of the line that each stands in place of (from 0)."""

    start: int
    end: int
    candidates: list[Candidate]


def offer(view: View, cursor: Cursor, line: str, column: int) -> Offer:
    """What may be written where the cursor is, in its `line` at `column` (from 0)."""
    before, after = line[:column], line[column:]
    setting = places.setting(view.whole, cursor.path)
    if setting == ("trace", "step", "opens") and not cursor.in_key:
        number = Candidate("{n}", "value", "{n}", "the step's number")
        return Offer(column - before.endswith("{"), column, [number])
    if not cursor.in_key and scopes.is_expression(setting):
        word = _ASKED.search(before[-_LONGEST:])
        rest = _GOES_ON.match(after)
        start, end = column - (len(word.group()) if word else 0), column + (rest.end() if rest else 0)
        found = _expression(view, setting)
    else:
        start, end, write = word_at(cursor, line, column)
        found = _keys(view, cursor, write) if cursor.in_key else _values(view, cursor, setting, write)
    return Offer(start, end, distinct(found))


def distinct(found: Iterable[Candidate]) -> list[Candidate]:
    """Each once, and not what is being typed."""
    return list({each.label: each for each in found if MARK not in each.label}.values())


class Word(NamedTuple):
    """The key or value at the cursor: its characters in the line (from 0), and how a key is written there."""

    start: int
    end: int
    write: Writer


def word_at(cursor: Cursor, line: str, column: int) -> Word:
    """What is typed at the cursor."""
    before, after = line[:column], line[column:]
    plain = _PLAIN.search(before[-_LONGEST:])
    word_length = len(cursor.word) if before.endswith(cursor.word) else len(plain.group() if plain else "")
    start = column - word_length
    end = column + len(cursor.rest) if after.startswith(cursor.rest.split(" ")[0]) else column
    return Word(start, end, Writer(colon=_COLON.match(line[end:]) is not None, flow=cursor.flow, indent=start))


class Writer(NamedTuple):
    """How a key is written at the cursor."""

    colon: bool
    """Whether it has one already."""
    flow: bool
    indent: int

    def key(self, name: str, form: shape.Form | None) -> str:
        """A key with what makes one of it."""
        if self.colon:
            return name
        if form is None or self.flow or not _is_group(form):
            return f"{name}: "
        return f"{name}:\n{' ' * (self.indent + 2)}"


def _is_group(form: shape.Form) -> bool:
    return all(shape.models(member) or shape.named(member) for member in shape.members(form))


# --- keys -------------------------------------------------------------------------------------------------------------


def _keys(view: View, cursor: Cursor, write: Writer) -> Iterator[Candidate]:
    if places.is_dotted(cursor.path):
        yield from _dotted(view, cursor, write)
    else:
        yield from _of_group(view, cursor.path[:-1], write)


def _of_group(view: View, path: Path, write: Writer) -> Iterator[Candidate]:
    """The keys of a group that the file does not give itself."""
    setting = places.setting(view.whole, path)
    form = places.form_at(view.data, setting)
    taken = _written(dotted_paths.get(view.own, path))
    around = dotted_paths.get(view.whole, path)
    known = places.keys_of(form, None if around is None else nodes.plain(around))
    for key in known.values():
        if key.name not in taken:
            given = None if around is None else dotted_paths.get(around, (key.name,))
            yield key_candidate(key, write, given)
    if form is not None and shape.named(form):
        entry = shape.entries(form)
        for each in names.names(names.kinds_of_keys(setting), view.whole, view.spec, setting).values():
            if each.name not in taken:
                yield Candidate(each.name, "name", write.key(each.name, entry), each.what, _as_code(each.about))


def _written(node: Node | None) -> set[str]:
    return {each.key for each in node.entries} if isinstance(node, MappingNode) else set()


def key_candidate(key: places.Key, write: Writer, given: Node | None = None) -> Candidate:
    """A key; `given` is what the spec that is extended says there."""
    needed = " (needed)" if key.info.is_required() and given is None else ""
    default = f"\n\nDefault: {key.default}" if key.default and not key.info.is_required() else ""
    now = f"\n\nNow: {code(names.shown(given))} ({code(names.place(given.span))})" if given is not None else ""
    text = write.key(key.name, key.form)
    return Candidate(key.name, "key", text, f"{shape.describe(key.form)}{needed}", f"{key.meaning}{default}{now}")


def _dotted(view: View, cursor: Cursor, write: Writer) -> Iterator[Candidate]:
    """Settings of the spec by their dotted path: the next part, and whole paths of what is written."""
    entry = dotted_paths.get(view.own, cursor.path[:-1])
    taken = _written(entry)
    head = cursor.word.rpartition(".")[0]
    if len(cursor.path) == 3 and not head:
        yield from (
            key_candidate(key, write) for key in places.keys_of(Variant, None).values() if key.name not in taken
        )
    base = places.resolved(view.whole, head)
    if base is None:
        return
    for path, form in _continued(view, base, head):
        if path not in taken:
            yield _path(view, path, form, write)
    changed = frozenset(dotted_paths.continuations(view.whole, ()))
    for path in islice(_leaves(dotted_paths.get(view.whole, base), head), _MOST):
        if path not in taken and path.partition(".")[0] in changed:
            yield _path(view, path, None, write)._replace(late=True)


def _continued(view: View, base: Path, head: str) -> Iterator[tuple[str, shape.Form | None]]:
    form = places.form_at(view.data, base)
    for step in dict.fromkeys(dotted_paths.continuations(view.whole, base)):
        key: str | int = int(step) if step.isdecimal() else step
        inner = None if form is None else places.form_at(view.data, (*base, key))
        yield (f"{head}.{step}" if head else step), inner


def _path(view: View, path: str, form: shape.Form | None, write: Writer) -> Candidate:
    """A dotted path: what it is now, and what the setting means."""
    found = places.resolved(view.whole, path)
    node = None if found is None else dotted_paths.get(view.whole, found)
    key = None if found is None else places.key_at(view.data, found)
    group = (form is not None and _is_group(form)) or isinstance(node, MappingNode)
    text = path if group or write.colon else f"{path}: "
    what = names.shown(node) if isinstance(node, ScalarNode) else "" if key is None else shape.describe(key.form)
    return Candidate(path, "path", text, what, "" if key is None else key.meaning)


def _leaves(node: Node | None, path: str) -> Iterator[str]:
    """The dotted paths of all that is written below a node, groups too."""
    for each in node.entries if isinstance(node, MappingNode) else ():
        here = f"{path}.{each.key}" if path else each.key
        yield here
        yield from _leaves(each.node, here)


def _as_code(text: str) -> str:
    return code(text) if text else ""


# --- values -----------------------------------------------------------------------------------------------------------


def _values(view: View, cursor: Cursor, setting: Path, write: Writer) -> Iterator[Candidate]:
    form = places.form_at(view.data, setting)
    if cursor.below_key:
        yield from _below(view, cursor, write)
    for name in names.names(names.kinds_of(setting), view.whole, view.spec, setting).values():
        yield Candidate(name.name, "name", name.name, name.what, _as_code(name.about))
    if setting == (EXTENDS,) or any(fits(setting, pattern) for pattern in NAMES_A_FILE):
        yield from _files(view, cursor.word, setting)
    if setting[:1] == ("allow",) and setting[-1:] == ("at",):
        yield from (Candidate(path, "path", path) for path in islice(_leaves(without(view.whole), ""), _MOST))
    if form is not None:
        yield from options(form, places.key_at(view.data, setting))
    changes = cursor.path[:1] == (VARIANTS,) or nodes.entry(view.own, EXTENDS) is not None
    if changes and isinstance(cursor.path[-1], str) and len(setting) > 1:
        yield Candidate(REMOVE, "value", REMOVE, "", "Take the setting out.", late=True)


def _below(view: View, cursor: Cursor, write: Writer) -> Iterator[Candidate]:
    """The keys of the group that a value becomes which stands below its key."""
    path = cursor.path
    if len(path) == 2 and path[0] == VARIANTS:
        inner = cursor._replace(path=(*path, MARK), in_key=True)
        yield from _dotted(view, inner, write)
    else:
        yield from _of_group(view, path, write)


def options(form: shape.Form, key: places.Key | None) -> Iterator[Candidate]:
    """The values that may stand there by name, and the default."""
    about = "" if key is None else key.meaning
    values: Iterable[object] = shape.options(form)
    if any(member is bool for member in shape.members(form)):
        values = (*values, True, False)
    for value in values:
        text = scalar(value) if isinstance(value, str | int | float | bool) else shape.written(value)
        yield Candidate(shape.written(value), "value", text, "", about)


def _expression(view: View, setting: Path) -> Iterator[Candidate]:
    for each in scopes.said(view.spec, setting).values():
        function = each.kind == "function"
        text = f"{each.name}(" if function else each.name
        yield Candidate(each.name, "function" if function else "measure", text, each.kind, each.about)


def _files(view: View, word: str, setting: Path) -> Iterator[Candidate]:
    """Files and folders of the project, in the folder that is typed so far. What is hidden is not offered."""
    typed = word.rpartition("/")[0]
    named = Named(typed, str(setting[-1]), view.file, view.root, Span(str(view.file), 1, 1, 1, 1))
    folder = folder_of(view.file) if not typed else locate(named, Sink())
    try:
        found = [] if folder is None else sorted(os.scandir(folder), key=lambda each: each.name)
    except (OSError, ValueError):
        return
    shown = (one for one in found if not one.name.startswith(".") and (one.is_dir() or _fits(one.name, setting)))
    for each in islice(shown, _MOST):
        path = f"{typed}/{each.name}" if typed else each.name
        is_folder = each.is_dir()
        yield Candidate(f"{path}/" if is_folder else path, "file", f"{path}/" if is_folder else path)


def _fits(file: str, setting: Path) -> bool:
    """Whether a file can be what a setting names: a spec, a folder of a model, or anything but specs."""
    is_yaml = file.endswith((".yaml", ".yml"))
    return is_yaml if setting == (EXTENDS,) else not is_yaml and setting[-1] != "path"
