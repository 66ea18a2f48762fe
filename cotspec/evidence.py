"""What lies in a project beside its specs and bears on them: rows of an earlier run, data files, locked content.

Reads files of the project, of bounded size; writes nothing. What cannot be read is not there: rules then say what they
can without it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from cotspec.back import places
from cotspec.front import regular
from cotspec.front.paths import inside
from cotspec.ir import defaults
from cotspec.ir.plan import Read
from cotspec.passes.modelfile import ModelFile, of_builtin
from cotspec.spec.base import Slice
from cotspec.spec.lock import pinned
from cotspec.spec.payload import FileData

if TYPE_CHECKING:
    from cotspec.cot.rows import TraceRecord
    from cotspec.cot.source_rows import Columns
    from cotspec.ir.inputs import Input, Locked
    from cotspec.ir.lower import Source
    from cotspec.passes.compared import Compared
    from cotspec.passes.datafile import DataFile
    from cotspec.passes.locked import Pins
    from cotspec.passes.traces import Traces
    from cotspec.spec.experiment import Data, Model

LONGEST_TRACE: Final = 1_000_000
"""Characters of a line of `traces.jsonl`; a longer one was not written by a task."""
MOST_TRACES: Final = 2000
"""Traces that rules look at: enough to say how often something happens."""
MOST_COUNTED: Final = 64 * 2**20
"""Bytes of a data file whose records are counted: about 0.1 s."""
MOST_ROWS: Final = 10_000
MOST_READ: Final = 8 * 2**20
"""Rows and bytes of a data file that a check looks at: about 0.1 s. The task that reads the file looks at all."""
MOST_VOCABULARY: Final = 4 * 2**20
"""Bytes of a tokenizer.json that a check reads: about 0.05 s. The preflight reads any."""
MOST_BYTES: Final = 64_000_000
"""Of a data file or model folder that a check compares with the lock: it must not take longer than the rest."""


def count_lines(file: Path) -> int | None:
    """Records of a JSON-lines file of the project (the paths of a spec that leave it are refused before)."""
    try:
        about = file.stat()
        return _counted(file, about.st_mtime_ns) if about.st_size <= MOST_COUNTED else None
    except OSError:
        return None


@lru_cache(maxsize=64)
def _counted(file: Path, _changed: int) -> int:
    with regular.opened(file) as lines:
        return sum(1 for line in lines if line.strip())


def data_file(data: Data, folder: Path, root: Path) -> DataFile | None:
    """The file of a data set, which counts from `folder`, the spec's; None when there is nothing to read or say."""
    if data.file is None:
        return None
    file = Path(os.path.normpath(folder / data.file))
    if not inside(file, root):
        return None  # a finding of its own
    from cotspec.cot.source_rows import Columns  # here: most specs name no data file
    from cotspec.ir import bodies

    source = bodies.source(data, {})
    columns = Columns(source.question, source.answer, source.answer_after) if isinstance(source, FileData) else None
    try:
        about = file.stat()
        return columns and _data(file, about.st_mtime_ns, about.st_size, columns, data.slice)
    except FileNotFoundError:
        return _absent(file, root)
    except OSError:
        return None  # a folder, or a file that may not be read: a finding of its own


@lru_cache(maxsize=64)
def _data(file: Path, _changed: int, _size: int, columns: Columns, slice: Slice | None) -> DataFile:
    from cotspec.cot import source_rows
    from cotspec.passes.datafile import DataFile

    first, end = slice or (0, None)
    most = MOST_ROWS if end is None else min(end, MOST_ROWS)
    with regular.opened(file) as stream:
        reading = source_rows.read(_begun(source_rows.lines(stream), stream), columns, first=first, end=most)
        whole = reading.rows == end or not stream.read(1)
    return DataFile(reading=reading, whole=whole)


def _begun(lines: Iterator[tuple[int, bytes]], stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Those that begin where a check still looks."""
    while stream.tell() < MOST_READ and (line := next(lines, None)) is not None:
        yield line


def _absent(file: Path, root: Path) -> DataFile:
    """What can be said of a file that is not there: whether DVC knows it, and what there is instead."""
    from cotspec.passes.datafile import DataFile

    known = [f"{place}.dvc" for place in (file, *file.parents) if root in place.parents]
    kept = next((os.path.relpath(place, root) for place in known if os.path.isfile(place)), "")
    try:
        names = sorted(name for name in islice(os.listdir(file.parent), MOST_TRACES) if not name.startswith("."))
    except OSError:
        names = []
    return DataFile(kept=kept, beside=tuple(names))


def model_file(model: Model, source: Source, root: Path) -> ModelFile | None:
    """The small files of a model of a spec, where they are on this machine: of a hub model those of its revision, or of
    the folder that cotspec.local.yaml names."""
    place = _model_folder(model, source, root)
    if model.builtin is not None or place is None:
        return of_builtin(model)
    try:
        return _model(place, (place / "config.json").stat().st_mtime_ns)
    except OSError:
        return None


def _model_folder(model: Model, source: Source, root: Path) -> Path | None:
    from cotspec.front import local, modelfiles  # here: a spec of builtin models has no use for them

    if model.path is not None:
        folder = Path(os.path.normpath(root / source.folder / model.path))
        return folder if inside(folder, root) else None  # a finding of its own
    if model.hub is None:
        return None
    revision = pinned(source.locked, "models", model.hub, model.revision or defaults.HUB_REVISION)
    return next(modelfiles.of_hub(model.hub, revision, root, local.settings(root)))[0]


@lru_cache(maxsize=64)
def _model(place: Path, _changed: int) -> ModelFile | None:
    from cotspec.cot import fit
    from cotspec.front import modelfiles

    config = modelfiles.read_json(place / "config.json")
    if not config:
        return None
    return ModelFile(
        config=config,
        template=fit.has_template(modelfiles.read_json(place / "tokenizer_config.json"), modelfiles.names(place)),
        chat=modelfiles.chat_template(place),
        ids=fit.ids(modelfiles.read_json(place / "tokenizer.json", most=MOST_VOCABULARY)),
    )


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
        for _ in range(MOST_BYTES // MOST_READ):
            digest.update(stream.read(MOST_READ))
    return digest.hexdigest()


def pins(source: Source, lock: Locked | None, root: Path) -> Pins | None:
    """What the lock says of an experiment, and what is so."""
    if lock is None:
        return None
    from cotspec.builtin import digest
    from cotspec.ir.inputs import inputs
    from cotspec.passes.locked import Pins

    def content(one: Input) -> str:
        return one.content or _content(lock, root, one.key[1])

    return Pins(locked=lock, inputs=tuple(inputs(source, digest.manifest())), content=content)


@lru_cache(maxsize=1024)
def _content(_lock: Locked, root: Path, place: str) -> str:
    """Read once for each lock that is read, which is once in a command."""
    from cotspec.front import contents

    try:
        return contents.digest(place, root) if contents.size(place, root) <= MOST_BYTES else ""
    except contents.ContentError:
        return ""  # it may come later, by `dvc pull`: a task that needs it says so


def traces(task: str, root: Path) -> Traces | None:
    """What the task `task` wrote in an earlier run; None where there was none."""
    return _read_traces(root, places.read_path(Read(task=task, file="traces.jsonl")))


def compared(task: str, root: Path) -> Compared | None:
    """What the task `task` found in an earlier run; None where there was none."""
    file = root / places.read_path(Read(task=task, file="contamination.json"))
    try:
        return _read_compared(file, file.stat().st_mtime_ns) if inside(file, root) else None
    except OSError:
        return None


@lru_cache(maxsize=16)
def _read_compared(file: Path, _changed: int) -> Compared | None:
    from cotspec.cot.contamination import Overlap, Pair, Repeats  # here: as above
    from cotspec.passes.compared import Compared

    def made(kind: type[Overlap] | type[Repeats], given: dict[str, Any]) -> Any:
        pairs = tuple(Pair(int(one), int(other), float(share)) for one, other, share in given.pop("examples"))
        return kind(**{name: int(value) for name, value in given.items()}, examples=pairs)

    try:
        found = json.loads(regular.content(file, most=LONGEST_TRACE))
        return Compared(
            sets={str(role): made(Repeats, one) for role, one in found["sets"].items()},
            pairs={str(roles): made(Overlap, one) for roles, one in found["pairs"].items()},
        )
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError):
        return None  # not written by this version


def _sound(record: TraceRecord) -> bool:
    """Whether a record holds what a task writes; the file is one of the project, which may be a stranger's."""
    texts = (record.question, record.answer, record.trace)
    numbers = (record.id, record.steps, record.words, record.tokens)
    return all(isinstance(text, str) for text in texts) and all(type(number) is int for number in numbers)


@lru_cache(maxsize=4)
def _read_traces(root: Path, place: str) -> Traces | None:
    file = root / place
    if not inside(file, root):
        return None
    try:
        stream = regular.opened(file)
    except OSError:
        return None
    from cotspec.cot.rows import TraceRecord  # here: before the first run nobody needs the kernel
    from cotspec.passes.traces import Traces

    try:
        with TextIOWrapper(stream, encoding="utf-8") as text:
            lines = iter(lambda: text.readline(LONGEST_TRACE), "")
            records = [TraceRecord(**json.loads(line)) for line in islice(lines, MOST_TRACES + 1)]
    except (OSError, ValueError, TypeError, RecursionError):
        return None  # not written by this version: rules say what they can without it
    if not all(map(_sound, records)):
        return None
    whole = len(records) <= MOST_TRACES
    count = len(records) if whole else _written(file.with_name("counts.json"), root)
    return Traces(file=place, records=records[:MOST_TRACES], whole=whole, count=count)


def _written(counts: Path, root: Path) -> int | None:
    """The number of traces as their task wrote it down."""
    if not inside(counts, root):
        return None
    try:
        found = json.loads(regular.content(counts, most=LONGEST_TRACE))["traces"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return found if isinstance(found, int) else None
