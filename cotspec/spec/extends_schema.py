"""JSON Schema of a spec → of a spec that `extends` another: the same keys and values, and none of them must be there.

Groups merge with those of the other spec, so nothing is required in them; a list replaces the other list, so its items
are whole. Any value may be `!remove`. Knows JSON Schema as `cotspec.spec.schema` makes it; no class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = dict[str, Any]
_SUFFIX: Final = "Changes"
_REF: Final = "#/$defs/"
_UNIONS: Final = ("anyOf", "oneOf")
_NEEDS: Final = ("required", "minProperties")
_TEXTS: Final = ("description", "examples")
_BASE: Final = ("default", "markdownDescription")
"""What is left out here has the other spec's value, not the default."""


def changes(parts: Mapping[str, Schema]) -> dict[str, Schema]:
    """A definition for each that is not in lists only, by its new name."""
    return {f"{name}{_SUFFIX}": _changed(parts[name]) for name in _reached(parts, {"Experiment"})}


def _reached(parts: Mapping[str, Schema], names: set[str]) -> set[str]:
    more = {ref for name in names for ref in _refs(parts[name])} - names
    return _reached(parts, names | more) if more else names


def _refs(part: Any) -> Iterator[str]:
    match part:
        case {"$ref": str(ref)}:
            yield ref.removeprefix(_REF)
        case dict():
            for key, value in part.items():
                for below in value.values() if key == "properties" else [value] if _merges(key) else []:
                    yield from _refs(below)
        case list():
            for value in part:
                yield from _refs(value)


def _merges(key: str) -> bool:
    """Whether what stands under this keyword of JSON Schema is merged when the whole is: not the items of a list."""
    return key == "additionalProperties" or key in _UNIONS


def _changed(part: Any) -> Any:
    match part:
        case {"$ref": str(ref), **rest}:
            return {"$ref": f"{ref}{_SUFFIX}", **rest}
        case {"discriminator": _, "oneOf": members, **rest}:
            # the key that tells them apart may be in the other file
            return {**rest, "anyOf": _changed(members)}
        case dict():
            return {key: _kept(key, value) for key, value in part.items() if key not in _NEEDS}
        case list():
            return [_changed(value) for value in part]
        case _:
            return part


def _kept(key: str, value: Any) -> Any:
    match key:
        case "properties":
            changed = {name: _changed(each) for name, each in value.items()}
            return {name: each if name == "extends" else _removable(each) for name, each in changed.items()}
        case "additionalProperties" if isinstance(value, dict):
            return _removable(_changed(value))
        case "title":
            return f"{value} (changes)"
        case _:
            return _changed(value) if key in _UNIONS else value


def _removable(part: Schema) -> Schema:
    """The value, or `!remove`, which an editor takes for an empty text."""
    texts = {key: value for key, value in part.items() if key in _TEXTS}
    if "`" in texts.get("description", ""):
        texts["markdownDescription"] = texts["description"]
    value = {key: value for key, value in part.items() if key not in (*_TEXTS, *_BASE)}
    if value in ({}, {"type": "string"}):
        return {**texts, **value}
    # the type again, since editors complete a key by it
    kind = "object" if "$ref" in value else value.get("type")
    types = {} if kind is None else {"type": kind if kind == "string" else [kind, "string"]}
    return {**texts, **types, "anyOf": [value, {"const": ""}]}
