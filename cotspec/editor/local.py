"""cotspec.local.yaml in an editor: its keys, what the specs of the project name on the left, and the folders of this
machine on the right. For showing only; the rules are `cotspec.front.local`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path as File
from typing import Final

from cotspec.diagnostics.source_map import Path
from cotspec.editor import completing, places, typed
from cotspec.editor.completing import Candidate, Offer, Writer
from cotspec.editor.looking import Meaning
from cotspec.editor.names import code
from cotspec.editor.typed import Cursor
from cotspec.front import dotted_paths, local_ids, nodes, shape
from cotspec.front.local import holds_model
from cotspec.front.nodes import MappingNode, Node, ScalarNode
from cotspec.front.text_files import LARGEST
from cotspec.spec.local import Local, folder

Known = Mapping[str, Mapping[str, str]]
"""By key of the file, what may be named below it: ids, each with the spec that names it."""
_MOST: Final = 500
"""Folders that are offered at once."""
_FOLDERS: Final[tuple[Path, ...]] = (("cache",), ("lm_eval", "tasks"))
_PROGRAM: Final = ("lm_eval", "python")


def named(specs: Iterable[tuple[str, str]]) -> Known:
    """What the texts of specs, each with its file, call models, data sets and servers by."""
    known: dict[str, dict[str, str]] = {group: {} for group in local_ids.GROUPS}
    for file, text in specs:
        root = typed.nodes(text, file) if len(text) <= LARGEST else None
        for group, id in local_ids.of_data(nodes.plain(root), ()) if root is not None else ():
            known[group].setdefault(id, file)
    return known


def offer(cursor: Cursor, line: str, column: int, known: Known, root: File) -> Offer:
    """What may be written where the cursor is; `root` is the project's folder."""
    word = completing.word_at(cursor, line, column)
    group = cursor.path[:-1] if cursor.in_key else cursor.path
    form = places.form_at(nodes.plain(cursor.root), group, Local)
    key = None if cursor.in_key else places.key_at(nodes.plain(cursor.root), group, Local)
    found = [
        *(_keys(cursor.root, group, form, known, word.write) if cursor.in_key or cursor.below_key else ()),
        *(_paths(cursor.word, group, root) if not cursor.in_key else ()),
        *(completing.options(form, key) if not cursor.in_key and form is not None else ()),
    ]
    return Offer(word.start, word.end, completing.distinct(found))


def _keys(root: Node, group: Path, form: shape.Form | None, known: Known, write: Writer) -> Iterator[Candidate]:
    there = dotted_paths.get(root, group)
    taken = {each.key for each in there.entries} if isinstance(there, MappingNode) else set[str]()
    for key in places.keys_of(form, None).values():
        if key.name not in taken:
            yield completing.key_candidate(key, write)
    for id, file in known.get(str(group[0]), {}).items() if len(group) == 1 else ():
        if id not in taken:
            entry = None if form is None else shape.entries(form)
            yield Candidate(id, "name", write.key(id, entry), file)


def _paths(written: str, setting: Path, root: File) -> Iterator[Candidate]:
    """Folders in the one that is typed so far; for a program, files too. What is hidden is offered when its dot is
    typed."""
    program = setting == _PROGRAM
    if not (program or setting in _FOLDERS or _holds_folder(setting)):
        return
    head, slash, begun = written.rpartition("/")
    try:
        found = sorted(os.scandir(folder(f"{head}{slash}" or ".", root)), key=lambda each: each.name)
    except (OSError, ValueError):
        return
    shown = (each for each in found if begun.startswith(".") or not each.name.startswith("."))
    for each in islice((each for each in shown if program or each.is_dir()), _MOST):
        path = f"{head}{slash}{each.name}"
        if setting[0] == "models" and holds_model(File(each.path)):
            yield Candidate(path, "file", path, "holds a model")
        else:
            path = f"{path}/" if each.is_dir() else path
            yield Candidate(path, "file", path)


def _holds_folder(setting: Path) -> bool:
    return len(setting) == 2 and setting[0] in local_ids.HUB


def meaning(root: Node, place: tuple[int, int], known: Known, project: File) -> Meaning | None:
    """What stands at a line and column, from 1: a key and what it is for, the spec that names an id, what a folder
    holds."""
    found = typed.at_place(root, *place)
    if found is None or not found.path or not (found.in_key or isinstance(found.node, ScalarNode)):
        return None
    path, data, parts = found.path, nodes.plain(root), list[str]()
    if found.in_key and len(path) == 2 and (file := known.get(str(path[0]), {}).get(str(path[1]))):
        parts.append(f"{code(str(path[1]))}: named by {code(file)}")
    if not found.in_key and _holds_folder(path) and isinstance(found.node, ScalarNode):
        parts.append(_what(folder(str(found.node.value), project), model=path[0] == "models"))
    if (key := places.key_at(data, path, Local) or places.key_at(data, path[:1], Local)) is not None:
        parts += [f"{code(key.name)}: {shape.describe(key.form)}", key.meaning]
    return Meaning("\n\n".join(parts), found.span) if parts else None


def _what(place: File, *, model: bool) -> str:
    if not os.path.isdir(place):
        return "This machine has no such folder."
    return "The folder holds a model." if model and holds_model(place) else "The folder is there."
