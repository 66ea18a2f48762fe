"""`python -m cotspec.runtime.settings_table`: every setting of TRL's trainers as JSON, made from the installed TRL.

The table is cotspec/spec/trl_settings.json; a test keeps it equal. What a spec may pass through is decided by hand in
cotspec.spec.trainer and cotspec.trainers, and the same test holds that against the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from enum import Enum
from importlib.metadata import version
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from cotspec.trainers import TRAINERS

Described = dict[str, object]


def table() -> str:
    """The whole table as text, one setting a line."""
    import trl

    made = {name: version(name) for name in ("trl", "transformers")}
    parts = [f'  "made_from": {json.dumps(made)}']
    for by, trainer in TRAINERS.items():
        settings = sorted(_settings(getattr(trl, trainer.config)))
        rows = ",\n".join(f'    "{name}": {json.dumps(described)}' for name, described in settings)
        parts.append(f'  "{by}": {{\n{rows}\n  }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _settings(config: Any) -> Iterator[tuple[str, Described]]:
    return ((field.name, _described(field)) for field in fields(config) if field.init)


def _described(field: Field[Any]) -> Described:
    """Types by name, the values it may have where they are few, the default where it is data."""
    described: Described = {"type": sorted(set(_types(field.type)))}
    choices = [*_choices(field.type), *map(str, field.metadata.get("choices") or ())]
    if choices:
        described["choices"] = choices
    default = field.default.value if isinstance(field.default, Enum) else field.default
    if default is not MISSING:
        described["default"] = default
    return described


def _members(annotation: object) -> Iterator[object]:
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _members(part)
    else:
        yield annotation


def _types(annotation: object) -> Iterator[str]:
    for part in _members(annotation):
        if get_origin(part) is Literal:
            yield from (type(value).__name__ for value in get_args(part))
        elif part is NoneType:
            yield "null"
        else:
            kind = get_origin(part) or part
            yield "str" if isinstance(kind, type) and issubclass(kind, Enum) else getattr(kind, "__name__", str(kind))


def _choices(annotation: object) -> Iterator[str]:
    for part in _members(annotation):
        if isinstance(part, type) and issubclass(part, Enum):
            yield from (str(member.value) for member in part)


if __name__ == "__main__":
    print(table(), end="")
