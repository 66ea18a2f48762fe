"""Questions about the spec's pydantic types: which keys a place has, what a value there may be, in words.

Knows pydantic annotations; not findings, not positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cotspec.diagnostics.suggest import either
from cotspec.spec.key_docs import meanings

#: A type as Python's annotations write it: a class, a union, `Annotated[...]`. They have no type in common.
Form = object


@cache
def keys(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Fields by the key a person writes."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def meaning(model: type[BaseModel], key: str) -> str | None:
    """What a key says about itself."""
    return next((meanings(model).get(n) for n, info in model.model_fields.items() if key in (info.alias, n)), None)


def form(info: FieldInfo) -> Form:
    """The annotation of a field with its limits."""
    limits = tuple(info.metadata)
    return Annotated[(info.annotation, *limits)] if limits else info.annotation


@cache
def forms(model: type[BaseModel]) -> Mapping[str, Form]:
    """What may stand under each key."""
    return {key: form(info) for key, info in keys(model).items()}


@cache
def union(one: Form, other: Form) -> Form:
    """What may be either of two forms."""
    either_form: Form = Union[one, other]  # noqa: UP007 - made at run time, of forms that have no `|`
    return either_form


@cache
def members(of: Form) -> tuple[Form, ...]:
    """The members of a union without None; of anything else, itself."""
    bare, _ = _bare(of)
    if get_origin(bare) not in (Union, UnionType):
        return (of,)
    return tuple(m for arg in get_args(bare) if arg is not NoneType for m in members(arg))


@cache
def models(of: Form) -> tuple[type[BaseModel], ...]:
    """The groups of settings among the members."""
    bare = (_bare(member)[0] for member in members(of))
    return tuple(m for m in bare if isinstance(m, type) and issubclass(m, BaseModel))


@cache
def tag(of: Form) -> str | None:
    """The key that tells the members apart (`by`, `from`), or None."""
    groups = models(of)
    if len(groups) < 2 or len(groups) != len(members(of)):
        return None
    for key in keys(groups[0]):
        values = [choices(forms(group)[key]) if key in keys(group) else () for group in groups]
        if all(len(own) == 1 for own in values):
            return key
    return None


def tagged(of: Form, value: object) -> type[BaseModel] | None:
    """The member whose tag has this value."""
    key = tag(of)
    return next((m for m in models(of) if key and value in choices(forms(m)[key])), None)


def tags(of: Form) -> tuple[object, ...]:
    """All values of the tag."""
    key = tag(of)
    return tuple(value for m in models(of) if key for value in choices(forms(m)[key]))


@cache
def choices(of: Form) -> tuple[object, ...]:
    """The values of an enumeration; empty for anything else."""
    parts = members(of)
    bare, _ = _bare(parts[0]) if len(parts) == 1 else (None, ())
    return get_args(bare) if get_origin(bare) is Literal else ()


def options(of: Form) -> tuple[object, ...]:
    """The values that may stand there by name, whatever else may."""
    return tuple(value for member in members(of) for value in choices(member))


def step(of: Form, key: str | int) -> Form | None:
    """What may stand under `key` in a group, named entries or a list."""
    for member in members(of):
        bare, _ = _bare(member)
        origin, args = get_origin(bare), get_args(bare)
        if origin is dict:
            value: Form = args[1]
            return value
        if origin is tuple and isinstance(key, int):
            item: Form = args[0] if args[-1] is Ellipsis else args[min(key, len(args) - 1)]
            return item
        if isinstance(bare, type) and issubclass(bare, BaseModel) and key in keys(bare):
            return forms(bare)[str(key)]
    return None


@cache
def entries(of: Form) -> Form | None:
    """What each entry is, where a person chooses the keys."""
    for member in members(of):
        bare, _ = _bare(member)
        if get_origin(bare) is dict:
            entry: Form = get_args(bare)[1]
            return entry
    return None


def map_of(of: Form) -> Form | None:
    """The member that is named entries, where there is one."""
    return next((member for member in members(of) if named(member)), None)


def named(of: Form) -> bool:
    """Whether a person chooses the keys (stages, models)."""
    return entries(of) is not None


def fits(of: Form, data: object) -> bool:
    """Whether a value could be meant for this place: it is of the kind, and most of its own keys are known there."""
    return any(_fits(_bare(member)[0], data) for member in members(of))


def of_kind(of: Form, data: object) -> bool:
    """Whether a value is of the kind that may stand there, whatever a group or a list holds."""
    if isinstance(data, dict):
        return bool(models(of)) or named(of)
    if isinstance(data, list):
        return any(get_origin(_bare(member)[0]) is tuple for member in members(of))
    return fits(of, data)


def _fits(bare: Form, data: object) -> bool:
    origin = get_origin(bare)
    if origin is Literal:
        return data in get_args(bare)
    if origin is dict:
        entry: Form = get_args(bare)[1]
        return isinstance(data, dict) and all(fits(entry, value) for value in data.values())
    if origin is tuple:
        return isinstance(data, list)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return isinstance(data, dict) and _known(bare, data)
    if bare is float:
        return isinstance(data, int | float) and not isinstance(data, bool)
    return type(data) is bare


def _known(model: type[BaseModel], data: Mapping[str, object]) -> bool:
    fields = forms(model)
    good = sum(key in fields and fits(fields[key], value) for key, value in data.items())
    return 2 * good > len(data)


def describe(of: Form) -> str:
    """What a value may be, in words: `a whole number, at least 1`."""
    parts = members(of)
    if len(parts) == 1:
        return _describe(parts[0])
    words: list[str] = []
    for part in parts:
        group = models(part)
        words += [f"`{written(v)}`" for v in choices(part)] or [f"`{_example(group[0])}`" if group else _describe(part)]
    return f"{', '.join(words[:-1])} or {words[-1]}"


_WORDS: Mapping[object, str] = {int: "a whole number", float: "a number", str: "text", bool: "`true` or `false`"}
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def _describe(of: Form) -> str:
    bare, limits = _bare(of)
    origin = get_origin(bare)
    if origin is Literal:
        return either(written(value) for value in get_args(bare))
    if origin is dict:
        return "a group of named entries"
    if origin is tuple:
        args = get_args(bare)
        return "a list" if args[-1] is Ellipsis else f"a list of {len(args)} values"
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return f"a group of settings such as `{_example(bare)}`"
    return _WORDS.get(bare, "another value") + _limits(dict(_bounds(limits)))


def _limits(of: Mapping[str, float]) -> str:
    if set(of) == {"at least", "at most"}:
        return f" from {of['at least']:g} to {of['at most']:g}"
    shown = {word: f"{value:g}" if isinstance(value, float) else str(value) for word, value in of.items()}
    return "".join(f", {word} {value}" for word, value in shown.items())


def _example(model: type[BaseModel]) -> str:
    """The keys of a group, those that must be given if there are any."""
    fields = keys(model)
    needed = [key for key, info in fields.items() if info.is_required()] or list(fields)[:3]
    return "{" + ", ".join(f"{key}: {_hint(forms(model)[key])}" for key in needed) + "}"


def _hint(of: Form) -> str:
    values = choices(of)
    return written(values[0]) if len(values) == 1 else "…"


def _bounds(limits: tuple[object, ...]) -> Iterator[tuple[str, float]]:
    for limit in limits:
        for name, word in _BOUNDS.items():
            value = getattr(limit, name, None)
            if isinstance(value, int | float):
                yield word, value


def written(value: object) -> str:
    """A value the way YAML writes it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


@cache
def _bare(of: Form) -> tuple[Form, tuple[object, ...]]:
    """A form without `Annotated`, and the limits it carried."""
    limits: tuple[object, ...] = ()
    while get_origin(of) is Annotated:
        of, *more = get_args(of)
        for item in more:
            limits += tuple(item.metadata) if isinstance(item, FieldInfo) else (item,)
    return of, limits
