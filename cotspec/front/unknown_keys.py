"""Keys the language does not have at their place, each with what was probably meant: the spec is looked at as a whole,
so that a key that was moved or misspelt is one mistake and not also a missing one. Knows the shape of a spec; not YAML.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from pydantic import BaseModel

from cotspec.diagnostics.source_map import Path
from cotspec.front import shape
from cotspec.front.did_you_mean import Guess, elsewhere, meant
from cotspec.front.groups import Group, groups
from cotspec.front.nodes import Data
from cotspec.trainers import TRAINERS

_MOST = 50
"""Keys that are thought about: a file with more of them is no spec, and thinking takes time."""


class UnknownKey(NamedTuple):
    """One unknown key."""

    group: Group
    key: str
    meant: Guess

    @property
    def path(self) -> Path:
        """Where it stands."""
        return (*self.group.path, self.key)

    @property
    def known(self) -> bool:
        """Whether the group has a setting of this name, and this is another."""
        return self.key in self.group.settings()

    @property
    def setting(self) -> bool:
        """Whether it is a setting that stands where a person chooses the keys."""
        return self.group.entry is not None


class UnknownKeys:
    """All unknown keys of a spec."""

    def __init__(self) -> None:
        self.strays: list[UnknownKey] = []
        self.given: set[Path] = set()
        """Settings that count as given, because a key elsewhere is meant for them."""
        self.others: dict[Path, str] = {}
        """Known keys whose value is rather that of their namesake in another group, with the advice."""
        self.thought = 0
        """Keys that were thought about so far."""
        self._heads: set[Path] = set()

    def add(self, stray: UnknownKey) -> None:
        """Note an unknown key and what it stands for."""
        self.strays.append(stray)
        self._heads.add(stray.path)
        if stray.meant.home is not None:
            self.given.add(stray.meant.home)

    def leave(self, paths: Collection[Path]) -> None:
        """Count what lies at these as said: something else was wrong with it."""
        self._heads.update(paths)

    def said(self, path: Path) -> bool:
        """Whether `path` is an unknown key, or lies in what such a key holds."""
        return any(path[:n] in self._heads for n in range(1, len(path) + 1))

    def fills(self, path: Path) -> bool:
        """Whether a key elsewhere is meant for the group at `path`."""
        return any(given[:-1] == path for given in self.given)


def find(root: type[BaseModel], data: Data, where: Callable[[Path], str] | None = None) -> UnknownKeys:
    """Look at every group of a spec; `where` says which file gives a key, when there are several."""
    every = [group._replace(where=where) for group in groups(root, data) if group.written or not _idle(group, data)]
    unknown = UnknownKeys()
    known = {key for group in every for key in group.settings()}
    for group in every:
        if group.clear and not group.open() and not unknown.said(group.path):
            _look(group, every, unknown, known)
    return unknown


def _idle(group: Group, data: Data) -> bool:
    """Whether a group is that of pairs, in a stage whose trainer compares none."""
    if group.path[:1] != ("stages",) or group.path[-1] != "pairs":
        return False
    by: Data = data
    for key in ("stages", str(group.path[1]), "train", "by"):
        by = by.get(key) if isinstance(by, dict) else None
    return isinstance(by, str) and by in TRAINERS and TRAINERS[by].rows != "dpo"


def _look(group: Group, every: Sequence[Group], unknown: UnknownKeys, known: Collection[str]) -> None:
    own = group.settings()
    for key, value in group.data.items():
        form = own.get(key)
        if group.entry is not None:
            form = group.entry
            if key not in known:
                continue
            if shape.fits(form, value):
                if (guess := _lost(key, value, group, every)) is not None:
                    unknown.add(UnknownKey(group, key, guess))
                continue
        elif form is not None and shape.of_kind(form, value):
            if (guess := _whole(key, value, group, every)) is not None:
                unknown.add(UnknownKey(group, key, guess))
            continue
        unknown.thought += 1
        many = unknown.thought > _MOST
        if form is None:
            unknown.add(UnknownKey(group, key, Guess(help="leave it out") if many else meant(key, group, every)))
        elif many or value is None:
            continue
        elif group.entry is not None:
            if (guess := _setting(key, value, group, every)) is not None:
                unknown.add(UnknownKey(group, key, guess))
        elif (guess := _namesake(key, value, group, every)) is not None and guess.home is not None:
            unknown.others[(*group.path, key)] = guess.help
            unknown.given.add(guess.home)


def _whole(key: str, value: Data, group: Group, every: Sequence[Group]) -> Guess | None:
    """The guess for a group that another place has no other for, under a key that means something else here."""
    if not isinstance(value, dict) or not value or shape.entries(group.settings()[key]) is None:
        return None
    if shape.fits(group.settings()[key], value):
        return None
    fitting = [
        g for g in every if g.path != group.path and key in g.settings() and shape.fits(g.settings()[key], value)
    ]
    homes = [g for g in fitting if key in g.needed()] or [g for g in fitting if key in g.free(group.file(key))]
    return elsewhere(key, group, homes) if homes else None


def _lost(key: str, value: Data, group: Group, every: Sequence[Group]) -> Guess | None:
    """The guess for a key that may stand among named entries, where the group around them lacks just that setting."""
    around = [g for g in every if g.path == group.path[:-1] and key in g.needed()]
    return elsewhere(key, group, [g for g in around if shape.fits(g.settings()[key], value)])


def _namesake(key: str, value: Data, group: Group, every: Sequence[Group]) -> Guess | None:
    """The guess for a known key whose value is what the same key of another group wants."""
    file = group.file(key)
    return elsewhere(key, group, [g for g in every if key in g.free(file) and shape.fits(g.settings()[key], value)])


def _setting(key: str, value: Data, group: Group, every: Sequence[Group]) -> Guess | None:
    """The guess for a setting among named entries: one of the entries lost it, or a group around them."""
    inner = [g for g in every if g.path[:-1] == group.path and g.path != (*group.path, key)]
    outer = [g for g in every if g.path == group.path[: len(g.path)] and g.path != group.path]
    file = group.file(key)
    near = [g for g in (*inner, *reversed(outer)) if key in g.free(file) and shape.fits(g.settings()[key], value)]
    return elsewhere(key, group, near)
