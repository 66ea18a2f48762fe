"""A change of an entry that is not there: in a spec that extends another, a misspelt name is a new, half-written stage.
Knows the shape of a spec and which file says what; not YAML, not the words for other mistakes.

In a variant a group takes the place of the whole one, so there such an entry changes nothing, however it is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from cotspec.diagnostics import Diagnostic
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


class NewEntry(NamedTuple):
    """An entry that is not whole, and whose name is close to one of the spec that is extended."""

    path: Path
    finding: Diagnostic


def find(document: Document) -> Iterator[NewEntry]:
    """Look at every group with names."""
    for pattern in _GROUPS:
        for group, entries in _matching(document.data, pattern, ()):
            for name, value in entries.items():
                lacking = _lacking(value, (*group, name)) if isinstance(value, dict) else ""
                close = _close(document.source, group, name) if lacking else ()
                if close:
                    yield NewEntry((*group, name), _finding(document.source, group, name, lacking, close))


def _finding(source: SourceMap, group: Path, name: str, lacking: str, close: tuple[str, ...]) -> Diagnostic:
    there = f"the spec that is extended has no `{phrases.cut(name)}` in {phrases.name(group)}"
    return Diagnostic(
        rule="unknown-entry",
        message=f"{there}, and a new one needs {lacking}",
        span=source.key((*group, name)),
        help=did_you_mean(close),
        suggestions=close,
    )


def _matching(data: Data, pattern: Path, path: Path) -> Iterator[tuple[Path, dict[str, Data]]]:
    """The groups there are at a pattern."""
    if not isinstance(data, dict):
        return
    if not pattern:
        yield path, data
        return
    for key in data if pattern[0] == "*" else [pattern[0]]:
        yield from _matching(data.get(str(key)), pattern[1:], (*path, str(key)))


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


def _close(source: SourceMap, group: Path, name: str) -> tuple[str, ...]:
    """Names like it that other files have in the group."""
    file = source.key((*group, name)).file
    others = [str(path[-1]) for path, span in source.keys.items() if path[:-1] == group and path and span.file != file]
    return tuple(other for other in near(name, others) if alike(name, other))
