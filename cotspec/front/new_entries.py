"""A change of an entry that is not there: in a spec that extends another, or in a variant, a misspelt name is a new,
half-written stage. Knows the shape of a spec and what is changed; not YAML, not the words for other mistakes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, NamedTuple

from cotspec.diagnostics import Diagnostic, Span
from cotspec.diagnostics.source_map import Path, SourceMap
from cotspec.diagnostics.suggest import alike, did_you_mean, either, listed, near
from cotspec.front import phrases, shape
from cotspec.front.groups import meant
from cotspec.front.nodes import Data, Document
from cotspec.spec.data import DATA_SOURCES
from cotspec.spec.experiment import Experiment
from cotspec.spec.models import MODEL_SOURCES

_GROUPS: Final[tuple[Path, ...]] = (
    ("models",),
    ("data",),
    ("generate",),
    ("stages",),
    ("stages", "*", "reward", "terms"),
    ("evaluate", "sets"),
)
"""Groups whose entries have names that a person chose, and that others speak of."""
_SOURCES: Final[Mapping[Path, tuple[str, ...]]] = {("models",): MODEL_SOURCES, ("data",): DATA_SOURCES}
"""Of which an entry has one; each by itself may be left out."""

Below = Callable[[Path, str], Collection[str]]
"""By a group and the name of an entry: what the group has of what is changed; nothing where the entry is of it."""


class NewEntry(NamedTuple):
    """An entry that is not whole, and whose name is close to one that is changed."""

    path: Path
    finding: Diagnostic


def beneath(source: SourceMap, base: SourceMap | None) -> Below:
    """For a variant what its spec has (`base`), else what the files have that a spec extends."""

    def names(group: Path, name: str) -> Collection[str]:
        if base is not None:
            there = () if (*group, name) in base.keys else base.keys
            return [str(path[-1]) for path in there if path[:-1] == group]
        file = source.key((*group, name)).file
        beside = (path for path in source.keys if path[:-1] == group and path)
        return [str(path[-1]) for path in beside if source.keys[path].file != file]

    return names


def find(document: Document, below: Below, changed: str) -> Iterator[NewEntry]:
    """Look at every group with names; `changed` is what is changed, in words."""
    for pattern in _GROUPS:
        for group, entries in _matching(document.data, pattern, ()):
            for name, value in entries.items():
                found = _one(document, group, name, value, below, changed)
                if found is not None:
                    yield found


def _matching(data: Data, pattern: Path, path: Path) -> Iterator[tuple[Path, dict[str, Data]]]:
    if not isinstance(data, dict):
        return
    if not pattern:
        yield path, data
        return
    for key in data if pattern[0] == "*" else [pattern[0]]:
        yield from _matching(data.get(str(key)), pattern[1:], (*path, str(key)))


def _one(document: Document, group: Path, name: str, value: Data, below: Below, changed: str) -> NewEntry | None:
    if not isinstance(value, dict):
        return None
    lacking = _lacking(value, (*group, name))
    close = tuple(other for other in near(name, below(group, name)) if alike(name, other)) if lacking else ()
    if not close:
        return None
    message = f"{changed} has no `{phrases.cut(name)}` in {phrases.name(group)}, and a new one needs {lacking}"
    span, instead = _last_word(document.source, (*group, name), close)
    finding = Diagnostic(
        rule="unknown-entry", message=message, span=span, help=did_you_mean(close), suggestions=instead
    )
    return NewEntry((*group, name), finding)


def _lacking(value: dict[str, Data], path: Path) -> str:
    """What an entry would need to be a whole one, in words; "" for one that is."""
    sources = _SOURCES.get(path[:-1], ())
    if sources:
        return "" if any(key in value for key in sources) else either(sources)
    form: shape.Form = Experiment
    for key in path:
        form = shape.step(form, key)
    needed = meant(form, value, path).needed()
    return listed([key for key in shape.forms(shape.models(form)[0]) if key in needed]) if needed else ""


def _last_word(source: SourceMap, path: Path, close: tuple[str, ...]) -> tuple[Span, tuple[str, ...]]:
    """Where an entry's name stands, of a dotted path its last word, with what may stand there instead; in a matrix it
    stands above its values, which are not to be replaced."""
    span, name = source.key(path), str(path[-1])
    line = source.texts.get(span.file, "").split("\n")[span.line - 1 : span.end_line]
    written = line[0][span.column - 1 : span.end_column - 1] if len(line) == 1 else ""
    if written.endswith(f".{name}"):
        return span._replace(column=span.end_column - len(name)), close
    return span, close if written == name else ()
