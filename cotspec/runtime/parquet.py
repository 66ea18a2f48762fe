"""Parquet files → rows. The only reader of them; the library comes with `datasets`."""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from cotspec.files import regular
from cotspec.files.tables import Bad, Kind, Row, TableError
from cotspec.runtime.models import require

_AT_ONCE: Final = 64
"""Rows that are made into Python's values at a time."""
_MOST: Final = 2**30
"""Bytes of so many rows: a few bytes of Parquet can stand for as much as one likes."""
_BLOCK: Final = 2**20
_RATIO: Final = 20
"""What gzip can make of Parquet, which is packed already, is less."""
_WHY: Final = {"for": "reading Parquet", "get": "pip install 'cotspec[train]'"}


def rows(path: Path, kind: Kind, columns: Collection[str], work: Path) -> Iterator[tuple[int, Row]]:
    """The rows of a file, with their place from 0. Only the columns that are named are read, or all, when one is not
    there: a message lists them. What gzip has packed is unpacked below `work`. A file that cannot be read ends with a
    Bad."""
    require("pyarrow", _WHY)
    import pyarrow
    from pyarrow import parquet

    at = 0
    try:
        with regular.opened(path) as opened, _unpacked(opened, packed=kind.packed, work=work) as file:
            parquet_file = parquet.ParquetFile(file)
            for batch in parquet_file.iter_batches(batch_size=_AT_ONCE, columns=_wanted(parquet_file, columns)):
                if batch.nbytes > _MOST:
                    raise TableError(f"{_AT_ONCE} rows have {batch.nbytes:,} bytes")
                for row in batch.to_pylist():
                    yield at, row
                    at += 1
    except (pyarrow.ArrowException, OSError, EOFError, zlib.error, TableError) as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        yield at, Bad(f"it is no Parquet file that can be read ({why})", ends=True)


def _wanted(file: Any, columns: Collection[str]) -> list[str] | None:
    names = list(file.schema_arrow.names)
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise TableError(f"it names the column `{twice}` twice")
    wanted = {name if name in names else name.partition(".")[0] for name in columns}
    return sorted(wanted) if wanted <= set(names) else None


def _unpacked(file: BinaryIO, *, packed: bool, work: Path) -> BinaryIO:
    if not packed:
        return file
    work.mkdir(parents=True, exist_ok=True)
    whole: BinaryIO = tempfile.TemporaryFile(dir=work)  # noqa: SIM115 - the caller closes it
    most = _MOST + _RATIO * os.fstat(file.fileno()).st_size
    with gzip.GzipFile(fileobj=file) as unpacked:
        while block := unpacked.read(_BLOCK):
            whole.write(block)
            if whole.tell() > most:
                whole.close()
                raise TableError(f"gzip has packed more than {most:,} bytes in it")
    whole.seek(0)
    return whole
