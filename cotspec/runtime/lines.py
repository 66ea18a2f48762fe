"""Reading and writing JSON and JSON-lines files of typed records. Knows nothing of what the records mean."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from cotspec.files import plain, regular
from cotspec.runtime.errors import TaskError

R = TypeVar("R")


_ADAPTERS: dict[type, TypeAdapter[Any]] = {}
"""Made once for each type: making one costs more than a line."""


def _adapter(kind: type) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def read(path: Path, kind: type[R]) -> list[R]:
    """All records of a JSON-lines file. Fields a record does not have are ignored; raises TaskError naming the line."""
    return list(iterate(path, kind))


def iterate(path: Path, kind: type[R]) -> Iterator[R]:
    """Records of a JSON-lines file one by one; blank lines are skipped."""
    adapter = _adapter(kind)
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _parse(adapter, line, f"{path.name}, line {number}")


def only(path: Path, kind: type[R]) -> R:
    """The one record of a file. Raises TaskError when there is none."""
    records = read(path, kind)
    if not records:
        raise TaskError(f"{path.name} is empty: run what wrote it again")
    return records[0]


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that a task has written. Raises TaskError for anything else."""
    try:
        value = plain.json_value(regular.content(path, most=plain.LARGEST))
    except (OSError, plain.DataError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise TaskError(f"{path.name} cannot be read ({why}): run what wrote it again") from error
    if not isinstance(value, dict):
        raise TaskError(f"{path.name} holds no JSON object: run what wrote it again")
    return value


def read_text(path: Path) -> str:
    """A text file of the project. Raises TaskError where it cannot be read."""
    try:
        return regular.content(path, most=plain.LARGEST).decode("utf-8", "replace")
    except OSError as error:
        raise TaskError(f"{path.name} cannot be read ({error.strerror}): run `cotspec build`") from error


def _parse(adapter: TypeAdapter[R], line: bytes, where: str) -> R:
    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the record"
        raise TaskError(f"{where}: {place}: {first['msg']}") from error


def encode(record: object) -> bytes:
    """One line: the record's fields in their order, UTF-8, with the newline."""
    return bytes(_adapter(type(record)).dump_json(record)) + b"\n"


def write(path: Path, records: Iterable[object]) -> int:
    """Write records as JSON lines; returns their number."""
    count = 0
    with path.open("wb") as file:
        for record in records:
            file.write(encode(record))
            count += 1
    return count


def write_json(path: Path, value: object) -> None:
    """Write one JSON document, indented, keys in the order given. A number that is not finite is an error."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
