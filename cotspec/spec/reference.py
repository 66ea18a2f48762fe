"""docs/spec.md, made from the spec's own classes: every key with its type, default and meaning. Writes nothing."""

from __future__ import annotations

import types
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from cotspec.spec.experiment import Experiment
from cotspec.spec.key_docs import meanings
from cotspec.spec.local import Local

HEAD = """# Spec reference

Made from `cotspec/spec/`, `cotspec/trainers/` and `cotspec/back/jobs/` by
`python -m cotspec.spec.reference > docs/spec.md`; a test keeps it equal. What the keys mean together is told by
example in [architecture.md](architecture.md) and in the specs under `specs/`.
"""


def markdown() -> str:
    """The whole page: one table per class, in the order a reader meets them."""
    models = [*_reachable(Experiment), *_reachable(Local)]
    return "\n".join([HEAD, *map(_section, models)])


def _reachable(root: type[BaseModel]) -> list[type[BaseModel]]:
    """Every class a spec can hold, breadth first, each once."""
    classes = [root]
    for model in classes:
        for field in model.model_fields.values():
            classes += [m for m in _models(field.annotation) if m not in classes]
    return classes


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _section(model: type[BaseModel]) -> str:
    about = " ".join((model.__doc__ or "").split())
    rows = [_row(name, field, meanings(model).get(name, "")) for name, field in model.model_fields.items()]
    table = ["| key | type | default | meaning |", "|---|---|---|---|", *rows]
    return "\n".join([f"## {model.__name__}", "", about, "", *table, ""])


def _row(name: str, field: FieldInfo, meaning: str) -> str:
    cells = (f"`{field.alias or name}`", _type(field.annotation), default_in_words(field), " ".join(meaning.split()))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def default_in_words(field: FieldInfo) -> str:
    """The default of a key, or that there is none."""
    value = field.default
    if field.is_required() or value is PydanticUndefined:
        return "**required**"
    if value is None:
        return "–"
    if isinstance(value, BaseModel) and not value.model_dump(exclude_defaults=True):
        return "its defaults"
    return f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    """A default as it would stand in YAML (flow style)."""
    if isinstance(value, BaseModel):
        parts = value.model_dump(by_alias=True, exclude_defaults=True)
        return "{" + ", ".join(f"{key}: {_plain(part)}" for key, part in parts.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_plain(part)}" for key, part in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_plain(part) for part in value) + "]"
    if isinstance(value, Enum):
        return str(value.value)
    return '""' if value == "" else str(value)


_WORDS: dict[Any, str] = {
    Any: "any value",
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    type(None): "",
}


def _type(annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(parts[0])
    if origin is Literal:
        return " ".join(f"`{_plain(part)}`" for part in parts)
    if origin in (Union, types.UnionType):
        return " or ".join(filter(None, (_type(part) for part in parts)))
    if origin is dict:
        return f"map of {_type(parts[1])} by name"
    if origin is tuple:
        return f"list of {_type(parts[0])}" if parts[-1] is ... else f"[{', '.join(_type(p) for p in parts)}]"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return _WORDS[annotation]


if __name__ == "__main__":
    print(markdown(), end="")
