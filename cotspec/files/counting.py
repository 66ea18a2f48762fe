"""How many rows a data file has, at the speed of the libraries: nothing is kept of them, nor looked at."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from pathlib import Path
from typing import NamedTuple

from cotspec.files import regular, tables
from cotspec.files.unpacked import LONGEST_ROW


class Counted(NamedTuple):
    """What is in a file."""

    rows: int
    size: int
    """Bytes, unpacked."""


def rows(path: Path, *, most: int) -> Counted | None:
    """The rows of a file; None where it has more than `most` bytes, or they cannot be told. Raises OSError."""
    kind = tables.kind(path.name)
    if kind.format == "parquet":
        return None
    with regular.opened(path) as file:
        try:
            content = (gzip.GzipFile(fileobj=file) if kind.packed else file).read(most + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return None
    if len(content) > most:
        return None
    try:
        return Counted(_count(content, kind.format), len(content))
    except (csv.Error, ValueError, RecursionError):
        return None


def _count(content: bytes, format: tables.Format) -> int:
    if format in ("csv", "tsv"):
        csv.field_size_limit(LONGEST_ROW)
        text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")
        header_too = sum(1 for row in csv.reader(text, delimiter=tables.DELIMITERS[format]) if row)
        return max(0, header_too - 1)
    if format == "json" and content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        return len(json.loads(content.removeprefix(b"\xef\xbb\xbf")))
    return sum(1 for line in io.BytesIO(content) if line.strip())
