"""Data files of a stranger → rows: JSON lines, a JSON list, CSV, TSV, each as it is or compressed by gzip. Bounded.

What a file is, its name says; a file of any other name is JSON lines. A folder holds shards: files of one format, read
in the order of their names. Nothing is believed: a row is bounded, and so is what gzip unpacks. Parquet is named here
and read by the runtime, which has the library for it. Knows nothing of columns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

from cotspec.files import delimited, json_list, regular
from cotspec.files.unpacked import BLANK, LONGEST_ROW, Bad, ByteSource, Meter, TableError, stopped

__all__ = ["LONGEST_ROW", "Bad", "Format", "Kind", "Meter", "Place", "Row", "TableError"]

Format = Literal["lines", "json", "csv", "tsv", "parquet"]
FORMATS: Final[Mapping[str, Format]] = {
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
"""What the end of a name says, with `.gz` behind it or without. A `.json` file is a list, or JSON lines."""
MOST_SHARDS: Final = 10_000
"""Files of a folder of shards."""
_UNPACK: Final = "unpack it; of packed files only those of gzip are read"
_ROWS: Final = "write its rows as JSON lines, CSV or Parquet"
_UTF8: Final = "write it in UTF-8"
_FOREIGN: Final = (
    (0, b"PAR1", "a Parquet file", "name it .parquet"),
    (0, b"ARROW1", "an Arrow file", f"{_ROWS}: datasets' `to_json` and `to_parquet` do"),
    (0, b"\x1f\x8b", "compressed by gzip", "put `.gz` behind its name"),
    (0, b"PK\x03\x04", "a zip archive or a workbook", f"unpack it; of a workbook, {_ROWS}"),
    (0, b"\x28\xb5\x2f\xfd", "compressed by zstd", _UNPACK),
    (0, b"\xfd7zXZ", "compressed by xz", _UNPACK),
    (0, b"BZh", "compressed by bzip2", _UNPACK),
    (257, b"ustar", "a tar archive", "unpack it"),
    (0, b"SQLite format 3", "a database", _ROWS),
    (0, b"\xff\xfe", "UTF-16 text", _UTF8),
    (0, b"\xfe\xff", "UTF-16 text", _UTF8),
    (0, b"version https://git-lfs", "a pointer of Git LFS", "`git lfs pull` fetches the file itself"),
)
"""What a file that is no text of rows has at which byte, what it is, and what to do with it."""
DELIMITERS: Final = {"csv": ",", "tsv": "\t"}


class Kind(NamedTuple):
    """What a file is, by its name."""

    format: Format
    packed: bool
    """Compressed by gzip."""


class Place(NamedTuple):
    """Where a row stands. Places of one data set are in order."""

    shard: str
    """Its file, where the data set is a folder of them."""
    number: int
    """The line at which it begins, from 1; of what has no lines, the row, from 0."""


Row = bytes | Mapping[str, object] | Bad
"""A line of JSON lines as it stands there, the values of any other row by column, or why there is none."""


def kind(name: str) -> Kind:
    """What a file of this name is."""
    return _known(name) or Kind("lines", name.lower().endswith(".gz"))


def _known(name: str) -> Kind | None:
    lower = name.lower()
    bare = lower.removesuffix(".gz")
    format = FORMATS.get(os.path.splitext(bare)[1])
    return None if format is None else Kind(format, bare != lower)


def seems(start: bytes) -> tuple[str, str]:
    """What a file that begins so is, where it is no text of rows, and what to do with it; else "" twice."""
    found = ((name, advice) for at, begins, name, advice in _FOREIGN if start.startswith(begins, at))
    return next(found, ("", ""))


def shards(folder: Path) -> list[Path]:
    """The data files of a folder, by name; hidden ones are left out. Raises TableError for a folder that holds anything
    else, or none, or those of two formats, and OSError."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry, _ in zip(entries, range(MOST_SHARDS + 1), strict=False))
    if len(names) > MOST_SHARDS:
        raise TableError(f"the folder holds more than {MOST_SHARDS:,} files")
    paths = [folder / name for name in names if not name.startswith(".")]
    for path in paths:
        if path.is_dir():
            advice = f"name `{path.name}` in it, or lay its shards side by side"
            raise TableError(f"the folder holds another folder, `{path.name}`", advice)
        if _known(path.name) is None:
            message = f"the folder holds `{path.name}`, which is no {_ends()} (`.gz` behind them or not)"
            raise TableError(message, "keep shards alone in a folder, or name one file of it")
    if not paths:
        raise TableError("the folder holds no data file", "put the shards there, or name another place")
    first = next((path for path in paths if kind(path.name).format != kind(paths[0].name).format), None)
    if first is not None:
        message = f"the folder holds `{paths[0].name}` and `{first.name}`, and its files are of one format"
        raise TableError(message, "keep those of each format in a folder of their own, or name one file of it")
    return paths


def _ends() -> str:
    *most, last = FORMATS
    return f"{', '.join(most)} or {last}"


def files(path: Path) -> list[tuple[str, Path]]:
    """The files of a data set, each with the name of its shard: "" for a data set of one file. Raises TableError and
    OSError."""
    return [(each.name, each) for each in shards(path)] if path.is_dir() else [("", path)]


def rows(
    path: Path,
    meter: Meter,
    *,
    within: tuple[Path, ...] = (),
    others: Callable[[Path, Kind], Iterator[tuple[int, Row]]] | None = None,
) -> Iterator[tuple[Place, Row]]:
    """The rows of a data file, or of a folder of them. `others` reads what this cannot. Raises TableError and OSError
    for what holds no rows; a file that cannot be read further ends with a Bad."""
    for shard, file in files(path):
        kind_ = kind(file.name)
        if kind_.format == "parquet":
            if others is None:
                raise TableError("Parquet is read by the task")
            read = others(file, kind_)
        else:
            read = _rows(file, kind_, meter, within)
        for number, row in read:
            yield Place(shard, number), row
        if meter.short:
            return


def _rows(path: Path, kind: Kind, meter: Meter, within: tuple[Path, ...]) -> Iterator[tuple[int, Row]]:
    try:
        opened = regular.opened(path, within=within)
    except OSError as error:
        yield 1, Bad(error.strerror or str(error), ends=True)
        return
    with opened:
        source = ByteSource(opened, packed=kind.packed, meter=meter)
        try:
            source.begin()
            yield from _of(source, kind)
        except TableError as error:
            yield source.number, Bad(str(error), ends=True, advice=error.advice)


def _of(source: ByteSource, kind: Kind) -> Iterator[tuple[int, Row]]:
    if kind.format in DELIMITERS:
        return _table(source, DELIMITERS[kind.format])
    if kind.format == "json" and source.peek().lstrip().startswith(b"["):
        objects = json_list.objects(source)
        return ((number, Bad("not a JSON object") if row is None else row) for number, row in objects)
    return _lines(source)


def _lines(source: ByteSource) -> Iterator[tuple[int, Row]]:
    """The lines that are not blank. Raises TableError for one that is too long, of which no more is read than shows
    it."""
    while not stopped(source) and (line := source.line()):
        if len(line) > LONGEST_ROW:
            raise TableError(f"longer than {LONGEST_ROW:,} bytes")
        if line.strip():
            yield source.number, line
        else:
            source.meter.count(BLANK)
        source.number += 1


def _table(source: ByteSource, delimiter: str) -> Iterator[tuple[int, Row]]:
    """Rows under a header. Every value is text."""
    name, advice = seems(source.peek())
    if name:
        raise TableError(f"the file is {name}", advice)
    records = delimited.records(source, delimiter)
    _, header = next(records, (0, list[str]()))
    if isinstance(header, Bad):
        raise TableError(header.message, header.advice)
    for number, row in records:
        if isinstance(row, Bad):
            yield number, row
        elif len(row) == len(header):
            yield number, dict(zip(header, row, strict=True))
        else:
            yield number, Bad(f"{_count(len(row), 'value')}, and the header names {_count(len(header), 'column')}")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
