"""The groups of a spec as a flat list: those that are written, and those that could be. Knows the shape of a spec and
plain data; not findings, not positions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final, NamedTuple

from pydantic import BaseModel

from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import alike
from cotspec.front import shape
from cotspec.front.nodes import Data

_NOTHING: Final[Mapping[str, Data]] = MappingProxyType({})


class Group(NamedTuple):
    """A place for settings: one model, several where it is not known which is meant, or named entries."""

    path: Path
    models: tuple[type[BaseModel], ...]
    data: Mapping[str, Data] = _NOTHING
    entry: shape.Form | None = None
    """What each entry is, where a person chooses the keys; there are no models then."""
    tag: str | None = None
    """The key that would tell the models apart, where it is not given or has no meaning."""
    kind: str = ""
    """Value of the tag, where there is one (`grpo`)."""
    kinds: Mapping[str, type[BaseModel]] = MappingProxyType({})
    """All that the tag could say, where it has a meaning."""
    clear: bool = True
    """Whether the given keys show which of the models is meant."""
    written: bool = True
    where: Callable[[Path], str] | None = None
    """The file that gives a key, where there are several: a spec may give anew what the one it extends gives."""

    def settings(self) -> Mapping[str, shape.Form]:
        """Its settings by the key a person writes, each with what may stand there."""
        return _keys(self.models)

    def free(self, file: str = "") -> list[str]:
        """The settings that are not given, or not in this file."""
        return [key for key in self.settings() if key not in self.data or self._elsewhere(key, file)]

    def _elsewhere(self, key: str, file: str) -> bool:
        return self.where is not None and bool(file) and self.where((*self.path, key)) != file

    def file(self, key: str) -> str:
        """The file that gives a key."""
        return self.where((*self.path, key)) if self.where is not None else ""

    def open(self) -> bool:
        """Whether it takes keys of any name beside its settings."""
        return any(model.model_config.get("extra") == "allow" for model in self.models)

    def needed(self) -> set[str]:
        """The settings that must be given and are not; none of a group that is not written."""
        if not self.written:
            return set()
        if self.tag is not None:
            return {self.tag} - self.data.keys()
        return {key for key in _required(self.models) if key not in self.data}


@cache
def _keys(models: tuple[type[BaseModel], ...]) -> Mapping[str, shape.Form]:
    forms: dict[str, shape.Form] = {}
    for model in models:
        for key, form in shape.forms(model).items():
            forms[key] = form if forms.get(key, form) == form else shape.union(forms[key], form)
    return forms


@cache
def _required(models: tuple[type[BaseModel], ...]) -> Collection[str]:
    return {key for model in models for key, info in shape.keys(model).items() if info.is_required()}


def groups(form: shape.Form, data: Data, path: Path = ()) -> Iterator[Group]:
    """The group at `path` and all below, an outer one before those inside it."""
    if isinstance(data, list):
        for i, item in enumerate(data):
            yield from groups(shape.step(form, i), item, (*path, i))
    elif isinstance(data, dict):
        yield from _written(form, data, path)


def _written(form: shape.Form, data: Mapping[str, Data], path: Path) -> Iterator[Group]:
    entry = shape.entries(form)
    if entry is not None:
        yield Group(path, (), data, entry)
        for key, value in data.items():
            yield from groups(entry, value, (*path, key))
        return
    if not shape.models(form):
        return  # a group where none is wanted
    group = meant(form, data, path)
    yield group
    for key, inner in group.settings().items():
        if key in data and data[key] is not None:
            yield from groups(inner, data[key], (*path, key))
        else:
            yield from _possible(inner, (*path, key))


def _possible(form: shape.Form, path: Path) -> Iterator[Group]:
    return (Group((*path, *inner), models, written=False) for inner, models in _inner(form))


@cache
def _inner(form: shape.Form) -> tuple[tuple[Path, tuple[type[BaseModel], ...]], ...]:
    """The groups a place of this form can hold, by their paths from there."""
    models = shape.models(form)
    places: list[tuple[Path, tuple[type[BaseModel], ...]]] = [((), models)] if models else []
    for key, inner in _keys(models).items():
        places += [((key, *path), below) for path, below in _inner(inner)]
    return tuple(places)


def meant(form: shape.Form, data: Mapping[str, Data], path: Path) -> Group:
    """The group that data of this form is: the one its tag says, or whose keys it is most like, or any."""
    models, tag = shape.models(form), shape.tag(form)
    if tag is not None:
        chosen = shape.tagged(form, data.get(tag))
        if chosen is None:
            return Group(path, models, data, tag=tag)
        kinds = {str(value): model for value in shape.tags(form) if (model := shape.tagged(form, value)) is not None}
        return Group(path, (chosen,), data, kind=str(data[tag]), kinds=kinds)
    if len(shape.members(form)) == 1:
        return Group(path, models, data)
    best = closest(models, data)
    return Group(path, models, data, clear=False) if best is None else Group(path, (best,), data)


def closest(models: tuple[type[BaseModel], ...], data: Mapping[str, Data]) -> type[BaseModel] | None:
    """The model whose keys the given ones are most like; None when none is, or two are."""
    if len(models) == 1 and not data:
        return models[0]
    scores = [sum(any(alike(key, own) for own in shape.keys(model)) for key in data) for model in models]
    best = max(scores, default=0)
    return models[scores.index(best)] if best and scores.count(best) == 1 else None
