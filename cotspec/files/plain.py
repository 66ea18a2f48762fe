"""JSON and YAML of a stranger → plain data, or ValueError. Bounded in depth, size and the length of numbers.

Half a character (a lone surrogate), which no file and no terminal can show, makes a document unreadable. A number that
is not finite becomes None: neither format knows one, and nothing may be computed from it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from cotspec.files import regular, scalars

DEEPEST: Final = 50
"""Groups and lists inside one another."""
MOST_DIGITS: Final = 40
"""Most digits of a whole number; the longest that models write is 1000000000000000019884624838656."""
MOST_COUNTED: Final = 10**12
"""What a run counts is less: tokens, seconds, problems."""
MOST_VALUES: Final = 10_000
"""Values of a YAML document."""
MOST_YAML: Final = 1_000_000
"""Bytes of a YAML document."""
LARGEST: Final = 1 << 26
"""Bytes of a JSON document."""


_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
"""What may be half a character, escaped."""


class DataError(ValueError):
    """Not what any of our programs writes; the message says why."""


def json_value(raw: bytes) -> Any:
    """The value of a JSON document. Raises DataError."""
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=lambda _: None)
        if _HALF.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as error:
        raise DataError("it is nested too deeply") from error
    except UnicodeError as error:
        raise DataError("it is not UTF-8, or holds half a character") from error
    except json.JSONDecodeError as error:
        raise DataError(f"it is no JSON: {error}") from error
    _refuse_depth(value)
    return value


def json_object(path: Path, *, most: int = LARGEST, within: tuple[Path, ...] = ()) -> Mapping[str, Any]:
    """The JSON object in a file; empty for anything else."""
    try:
        value = json_value(regular.content(path, most=most, within=within))
    except (OSError, DataError):
        return {}
    return value if isinstance(value, dict) else {}


def sentence(text: str) -> str:
    """A text of a stranger's on one line, without what a terminal acts on."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(text.split()))


def number(value: object, least: float = 0, most: float = MOST_COUNTED) -> float:
    """A number as a record of a run holds it. Raises DataError."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        raise DataError(f"it holds {str(value)[:40]} in place of a number from {least:g} to {most:g}")
    return value


def count(value: object) -> int:
    """A number of things, or the place of one. Raises DataError."""
    if not isinstance(value, int):
        raise DataError("it holds something else in place of a whole number")
    return int(number(value))


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise DataError(f"it holds a whole number of more than {MOST_DIGITS} digits")
    return int(digits)


def _real(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


def _refuse_depth(value: object) -> None:
    """Level by level: a recursion would be as deep as the value."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        items = (item for each in level for item in (each.values() if isinstance(each, dict) else each))
        level = [item for item in items if isinstance(item, dict | list)]
        if not level:
            return
    raise DataError(f"it is nested more than {DEEPEST} deep")


def yaml_value(raw: bytes) -> Any:
    """The value of a YAML document as programs write it: no aliases, anchors, tags, merges; None when it is empty."""
    if len(raw) > MOST_YAML:
        raise DataError(f"it has more than {MOST_YAML:,} bytes")
    loader = None
    try:
        loader = yaml.CSafeLoader(raw.decode("utf-8"))
        return _Events(loader).document()
    except UnicodeError as error:
        raise DataError("it is not UTF-8") from error
    except yaml.YAMLError as error:
        raise DataError(f"it is no YAML: {error}") from error
    finally:
        if loader is not None:
            loader.dispose()


class _Events:
    """Data out of libyaml's events, which come lazily: a hostile document is left at its first offence."""

    def __init__(self, loader: yaml.CSafeLoader) -> None:
        self._loader, self._count = loader, 0

    def document(self) -> Any:
        self._next()  # the start of the stream
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        value = self._value(self._next(), 0)
        self._next()  # the end of the document
        if not isinstance(self._next(), yaml.StreamEndEvent):
            raise DataError("it holds more than one document")
        return value

    def _next(self) -> Any:
        return self._loader.get_event()

    def _value(self, event: Any, depth: int) -> Any:
        self._count += 1
        if depth > DEEPEST or self._count > MOST_VALUES:
            raise DataError(f"it is nested more than {DEEPEST} deep, or holds more than {MOST_VALUES:,} values")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None or event.tag is not None:
            raise DataError(f"line {event.start_mark.line + 1} has an anchor, an alias or a tag")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        return self._list(depth) if isinstance(event, yaml.SequenceStartEvent) else self._group(depth)

    def _list(self, depth: int) -> list[Any]:
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1))
        return items

    def _group(self, depth: int) -> dict[str, Any]:
        group: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._value(event, depth + 1)
            if not isinstance(key, str) or key in group or (key == "<<" and event.implicit[0]):
                raise DataError(f"line {event.start_mark.line + 1} has a key that is no text, is given twice or merges")
            group[key] = self._value(self._next(), depth + 1)
        return group


def _scalar(event: yaml.ScalarEvent) -> scalars.Value:
    try:
        value = scalars.resolve(event.value) if event.implicit[0] else str(event.value)
    except scalars.NotFiniteError:
        return None
    if isinstance(value, int) and abs(value) >= 10**MOST_DIGITS:
        raise DataError(f"it holds a whole number of more than {MOST_DIGITS} digits")
    return value
