"""The files that data sets name, as far as a check looks at them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cotspec.files import regular
from cotspec.files.regular import inside
from cotspec.spec.payload import FileData

if TYPE_CHECKING:
    from cotspec.cot.contamination import Item
    from cotspec.cot.source_rows import Columns, Reading
    from cotspec.spec.base import Slice
    from cotspec.spec.experiment import Data

MOST_COUNTED: Final = 64 * 2**20
"""Bytes of a data file whose rows are counted: about 0.1 s."""
MOST_ROWS: Final = 10_000
MOST_READ: Final = 8 * 2**20
"""Rows and bytes of a data file that a check looks at: about 0.1 s. The task that reads the file looks at all."""
MOST_COMPARED: Final = 64_000_000
"""Bytes of two files that are compared."""
_MOST_NEIGHBOURS: Final = 2000
"""Most names of a folder that are listed."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DataFile:
    """The file a data set names; equal only to itself, so that what was found in it can be kept by it."""

    reading: Reading | None = None
    """Its rows before the end of the slice, at most as many as a check looks at; None for a missing file, and for one
    that a check cannot read."""
    whole: bool = True
    """Whether `reading` holds all rows up to the end of the slice."""
    fault: str = ""
    """Why it is no data file, or no folder of them."""
    advice: str = ""
    """What to do about that, where it is known."""
    later: bool = False
    """Whether it is Parquet, which only the preflight looks at."""
    kept: str = ""
    """Of a missing file: the `.dvc` file by which DVC knows it, if there is one."""
    neighbours: tuple[str, ...] = ()
    """Of a missing file: what its folder holds."""
    from_root: str = ""
    """Of a missing file: its path from the spec, where it was named as it lies in the project."""

    def items(self, most: int | None = None) -> tuple[Item, ...]:
        """The questions of its slice, as sets are compared."""
        from cotspec.cot.contamination import Item

        read = [] if self.reading is None else self.reading.questions[:most]
        return tuple(Item(each.row, each.question, each.answer) for each in read)

    def of_rows(self, count: int) -> str:
        """`3 of 1,000 rows` of the slice, and that they are not all when they are not."""
        read = 0 if self.reading is None else self.reading.whole
        return f"{count:,} of {'' if self.whole else 'the first '}{read:,} rows"


def count_rows(file: Path) -> int | None:
    """Rows of a data file of the project (the paths of a spec that leave it are refused before)."""
    from cotspec.files import tables  # here, and below: most specs name no data file

    try:
        about = [(path.stat().st_size, path.stat().st_mtime_ns) for _, path in tables.files(file)]
        return _counted(file, tuple(about)) if sum(size for size, _ in about) <= MOST_COUNTED else None
    except (OSError, tables.TableError):
        return None


@lru_cache(maxsize=64)
def _counted(file: Path, _about: tuple[tuple[int, int], ...]) -> int | None:
    from cotspec.files import counting, tables

    rows, most_left = 0, MOST_COUNTED
    for _, path in tables.files(file):
        count = counting.rows(path, most=most_left)
        if count is None:
            return None
        rows, most_left = rows + count.rows, most_left - count.size
    return rows


def data_file(data: Data, folder: Path, root: Path) -> DataFile | None:
    """The file of a data set, which counts from `folder`, the spec's; None when there is nothing to read or say."""
    if data.file is None:
        return None
    file = Path(os.path.normpath(folder / data.file))
    if not inside(file, root):
        return None  # a finding of its own
    from cotspec.ir import bodies

    source = bodies.source(data, {})
    if not isinstance(source, FileData):
        return None
    found, meant = read(file, source, data.slice, root), Path(os.path.normpath(root / data.file))
    if found is None or os.path.lexists(file) or not (inside(meant, root) and os.path.exists(meant)):
        return found
    return replace(found, from_root=os.path.relpath(meant, folder))


def read(file: Path, source: FileData, slice: Slice | None, root: Path) -> DataFile | None:
    """A data file of the project, as far as a check looks at it; None when it may not be read."""
    from cotspec.cot.source_rows import Columns
    from cotspec.files import tables

    columns = Columns(source.question, source.answer, source.answer_after, source.trace, source.answer_boxed)
    try:
        about = tuple((path.stat().st_mtime_ns, path.stat().st_size) for _, path in tables.files(file))
        return _data(file, about, columns, slice, root)
    except FileNotFoundError:
        return _absent(file, root)
    except tables.TableError as error:
        return DataFile(fault=str(error), advice=error.advice)
    except OSError:
        return None  # one that may not be read: a finding of its own


@lru_cache(maxsize=64)
def _data(
    file: Path, _about: tuple[tuple[int, int], ...], columns: Columns, slice: Slice | None, root: Path
) -> DataFile:
    from cotspec.cot import source_rows
    from cotspec.files import tables

    files = tables.files(file)
    if tables.kind(files[0][1].name).format == "parquet":
        bad = next((f"`{name}`" if name else "it" for name, path in files if not _may_be_parquet(path)), "")
        return DataFile(fault=f"{bad} is no Parquet file" if bad else "", later=not bad)
    first, end = slice or (0, None)
    most = MOST_ROWS if end is None else min(end, MOST_ROWS)
    meter = tables.Meter(MOST_READ)
    rows = tables.rows(file, meter, within=(root,))
    reading = source_rows.read(rows, columns, first=first, end=most)
    whole = reading.rows == end or (next(rows, None) is None and not meter.short)
    return DataFile(reading=reading, whole=whole)


def _may_be_parquet(path: Path) -> bool:
    """Whether a file begins and ends as Parquet does; of one that gzip has packed, nothing is said."""
    from cotspec.files import tables

    if tables.kind(path.name).packed:
        return True
    with regular.opened(path) as file:
        begins = file.read(4)
        file.seek(max(0, path.stat().st_size - 4))
        return begins == file.read(4) == b"PAR1"


def _absent(file: Path, root: Path) -> DataFile:
    """What can be said of a file that is not there: whether DVC knows it, and what there is instead."""
    known = [f"{place}.dvc" for place in (file, *file.parents) if root in place.parents]
    kept = next((os.path.relpath(place, root) for place in known if os.path.isfile(place)), "")
    try:
        names = sorted(name for name in islice(os.listdir(file.parent), _MOST_NEIGHBOURS) if not name.startswith("."))
    except OSError:
        names = []
    return DataFile(kept=kept, neighbours=tuple(names))


def same_file(one: Path, other: Path) -> bool:
    """Whether two files of the project are one: by name, or byte for byte as far as a check reads."""
    a, b = (Path(os.path.normpath(path)) for path in (one, other))
    if a == b:
        return True
    try:
        left, right = a.stat(), b.stat()
        if left.st_size != right.st_size or not left.st_size:
            return False
        return _beginning(a, left.st_mtime_ns) == _beginning(b, right.st_mtime_ns)
    except OSError:
        return False


@lru_cache(maxsize=64)
def _beginning(file: Path, _changed: int) -> str:
    """Digest of the first bytes of a file."""
    digest = sha256()
    with regular.opened(file) as stream:
        for _ in range(MOST_COMPARED // MOST_READ):
            digest.update(stream.read(MOST_READ))
    return digest.hexdigest()
