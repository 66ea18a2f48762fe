"""One experiment with its plan, as it is compared or looked at. Knows specs and plans; not files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cotspec.diagnostics import Span
from cotspec.diagnostics.source_map import Path as SpecPath
from cotspec.driver import Unit
from cotspec.front.load import Loaded
from cotspec.front.nodes import Data
from cotspec.ir.plan import DraftTask, Task
from cotspec.passes.seal import Sealed
from cotspec.spec.lock import Key
from cotspec.views import resolved


@dataclass(frozen=True, kw_only=True)
class Planned:
    """An experiment of a plan. Tasks go by their *part*, what a person calls them: `stage compress`."""

    unit: Unit
    sealed: Sealed
    root: Path | None = None
    """Folder of the files, when they are those of a git revision."""
    name_of: str = ""
    """What the revision is called."""

    def span(self, path: SpecPath) -> Span | None:
        """Where a setting is written; None for a default."""
        return self._named(self.loaded.source.values.get(path))

    def lock_span(self, key: Key) -> Span | None:
        """Where an entry of the lock stands; None when it has none."""
        return None if self.unit.lock is None else self._named(self.unit.lock.source.values.get(key))

    def _named(self, span: Span | None) -> Span | None:
        if span is None or self.root is None:
            return span
        file = Path(span.file)
        inside = file.relative_to(self.root).as_posix() if file.is_relative_to(self.root) else span.file
        return span._replace(file=f"{self.name_of}:{inside}")

    @property
    def loaded(self) -> Loaded:
        """The spec."""
        return self.unit.loaded

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self.unit.name

    @property
    def place(self) -> str:
        """Path of the spec in the project."""
        return self.unit.place

    def data(self) -> dict[str, Data]:
        """The resolved spec as plain data, the caller's own to change."""
        own: dict[str, Data] = json.loads(self._text)
        return own

    @cached_property
    def _text(self) -> str:
        return json.dumps(resolved.data(self.loaded))

    @cached_property
    def values(self) -> Mapping[SpecPath, Data]:
        """Every value of the resolved spec by its path. A list is one: that an item moved says nothing to a person."""
        return dict(_leaves(self.data()))

    @cached_property
    def drafts(self) -> Mapping[str, DraftTask]:
        """What each task computes, by part."""
        return {draft.label.part: draft for draft in self.sealed.drafts[self.name]}

    @cached_property
    def tasks(self) -> Mapping[str, Task]:
        """The sealed tasks by part, producers first; the report is the last."""
        return {part: self.sealed.tasks[self.sealed.ids[draft.name]] for part, draft in self.drafts.items()}

    @cached_property
    def part_of(self) -> Mapping[str, str]:
        """The part by id; parts that share a task are called by the first."""
        return {task.id: part for part, task in reversed([*self.tasks.items()])}


def _leaves(value: Data, path: SpecPath = ()) -> Iterator[tuple[SpecPath, Data]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    else:
        yield path, value


def planned(
    units: Sequence[Unit], sealed: Sealed, *, root: Path | None = None, revision: str = ""
) -> dict[str, Planned]:
    """Every experiment by its name."""
    return {unit.name: Planned(unit=unit, sealed=sealed, root=root, name_of=revision) for unit in units}
