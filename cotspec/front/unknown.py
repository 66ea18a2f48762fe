"""A key the language does not have at its place → what was probably meant. Knows the shape of a spec; not YAML."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from pydantic import BaseModel

from cotspec.diagnostics.suggest import alike, did_you_mean, near
from cotspec.front import shape
from cotspec.front.foreign import ADVICE, NAMES


class Meant(NamedTuple):
    """A guess: what to do, and the keys that could stand instead (the best of them counts as given)."""

    help: str
    suggestions: tuple[str, ...] = ()


class Around(NamedTuple):
    """The place of an unknown key."""

    here: type[BaseModel]
    given: Mapping[str, object]
    """All that stands in the same group."""
    above: tuple[tuple[str, type[BaseModel]], ...] = ()
    """The groups around it, nearest first, each with the name a person would call it by."""


def meant(key: str, around: Around) -> Meant:
    """The best guess: another trainer's name, a key that belongs elsewhere, a misspelling, or else what there is."""
    free = [name for name in shape.keys(around.here) if name not in around.given]
    sure = tuple(name for name in near(key, free) if alike(key, name))
    return (
        _foreign(key, free)
        or _elsewhere(key, around)
        or (Meant(help=did_you_mean(sure), suggestions=sure) if sure else None)
        or _foreign_near(key, free)
        or _elsewhere_near(key, around)
        or _here(key, free)
    )


def _foreign(key: str, free: Collection[str]) -> Meant | None:
    folded = key.lower().replace("-", "_")
    if folded in ADVICE:
        return Meant(help=ADVICE[folded])
    ours = NAMES.get(folded)
    if ours is None:
        return None
    last = ours.rpartition(".")[2]
    if last in free:
        return Meant(help=did_you_mean((last,)), suggestions=(last,))
    if folded == last:
        return Meant(help=f"it is `{ours}`") if ours != last else None
    return Meant(help=f"cotspec calls it `{ours}`")


def _foreign_near(key: str, free: Collection[str]) -> Meant | None:
    """Another trainer's name, misspelt."""
    return next((found for name in near(key, NAMES) if alike(key, name) and (found := _foreign(name, free))), None)


def _elsewhere(key: str, around: Around) -> Meant | None:
    """The same key in a group below or above."""
    for name, model in _below(around):
        if key in shape.keys(model):
            return Meant(help=f"it belongs under `{name}`")
    for name, model in around.above:
        if key in shape.keys(model):
            return Meant(help=f"it belongs further out, in {name}")
    return None


def _elsewhere_near(key: str, around: Around) -> Meant | None:
    for name, model in _below(around):
        for candidate in near(key, shape.keys(model)):
            if alike(key, candidate):
                return Meant(help=f"did you mean `{candidate}`, under `{name}`?")
    for name, model in around.above:
        for candidate in near(key, shape.keys(model)):
            if alike(key, candidate):
                return Meant(help=f"did you mean `{candidate}`, further out in {name}?")
    return None


def _here(key: str, free: Collection[str]) -> Meant:
    close = near(key, free)
    return Meant(help=did_you_mean(close, free) or "leave it out", suggestions=close)


def _below(around: Around) -> list[tuple[str, type[BaseModel]]]:
    """The groups inside this one by dotted name, the nearest first; of tagged ones only the one the tag says."""
    found: list[tuple[str, type[BaseModel]]] = []
    level: list[tuple[str, type[BaseModel], object]] = [("", around.here, around.given)]
    while level:
        level = [inner for name, model, given in level for inner in _inside(name, model, given)]
        found += [(name, model) for name, model, _ in level]
    return found


def _inside(prefix: str, model: type[BaseModel], given: object) -> Iterator[tuple[str, type[BaseModel], object]]:
    for key, info in shape.keys(model).items():
        form, data = shape.form(info), given.get(key) if isinstance(given, dict) else None
        tag = shape.tag(form)
        chosen = shape.tagged(form, data.get(tag)) if tag and isinstance(data, dict) else None
        for inner in (chosen,) if chosen else shape.models(form):
            yield f"{prefix}.{key}" if prefix else key, inner, data
