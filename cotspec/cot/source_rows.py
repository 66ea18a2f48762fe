"""Rows of a data set → questions with gold answers, or what is wrong with them.

One reader for `cotspec check`, which looks at a file's first rows, and for the data task, which reads all of them: what
one accepts the other accepts. Knows lines of bytes and rows of values; not files, not where a spec names them.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, Final, Literal, NamedTuple

from cotspec.cot.answers import AnswerError, gold_answer, gold_problem

LONGEST_LINE: Final = 16 * 2**20
"""Bytes of a row; a longer one is no question that anybody asks."""
MOST_NAMED: Final = 20
"""Columns that a message lists."""

_BOM: Final = b"\xef\xbb\xbf"
_FOREIGN: Final = (
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"PK\x03\x04", "a zip archive or a workbook"),
    (b"SQLite format 3", "a database"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"version https://git-lfs", "a pointer of Git LFS (`git lfs pull` fetches the file itself)"),
)
"""What a file begins with that is no JSON lines, and what it is."""

RowPart = Literal["file", "question", "answer", "after", "trace"]
"""The setting of a data set that a fault is about."""


class Columns(NamedTuple):
    """Where a row holds its question and its gold answer; the answer is what follows the last `after`."""

    question: str
    answer: str
    after: str
    trace: str = ""
    """The column of a text for each question; "" has none."""


class Fault(NamedTuple):
    """Why a row is no problem."""

    part: RowPart
    message: str
    missing: str = ""
    """The column that is not there."""
    there: tuple[str, ...] = ()
    """The columns there are, where one is missing."""


class RowError(ValueError):
    """A row that is no problem."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Question(NamedTuple):
    """A row that can be asked and graded."""

    row: int
    """Its place among the rows, from 0: the id of the problem."""
    place: int
    """Its line in the file, from 1; of a data set without lines, the row again."""
    question: str
    answer: str
    trace: str = ""


class Found(NamedTuple):
    """A fault, the place where it was first met, and how many rows have one of its kind."""

    fault: Fault
    place: int
    rows: int


@dataclass(kw_only=True)
class Reading:
    """What was read of a data set."""

    questions: list[Question] = field(default_factory=list)
    faults: dict[tuple[RowPart, str], Found] = field(default_factory=dict)
    """By the setting they are about and the column that is missing."""
    rows: int = 0
    """Rows that were looked at, good or not."""


def lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, numbered from 1, without the mark that Windows puts before UTF-8.

    Of a line that is too long, no more is read at a time than shows it.
    """
    for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE + 1), b""), 1):
        bare = line.removeprefix(_BOM) if number == 1 else line
        if bare.strip():
            yield number, bare


def read(
    rows: Iterable[tuple[int, bytes | Mapping[str, object]]],
    columns: Columns,
    *,
    first: int = 0,
    end: int | None = None,
) -> Reading:
    """The questions of rows [first, end), and the faults of all rows before `end`. Every row is one or the other."""
    found = Reading()
    for row, (place, raw) in enumerate(islice(rows, end)):
        found.rows += 1
        try:
            values = parsed(raw, row) if isinstance(raw, bytes) else raw
            question, answer = pair(values, columns)
            trace = text(values, columns)
        except RowError as error:
            key = (error.fault.part, error.fault.missing)
            before = found.faults.get(key)
            found.faults[key] = before._replace(rows=before.rows + 1) if before else Found(error.fault, place, 1)
            continue
        if row >= first:
            found.questions.append(Question(row, place, question, answer, trace))
    return found


def parsed(line: bytes, row: int = 0) -> Mapping[str, object]:
    """A line as the object it holds. Raises RowError."""
    if len(line) > LONGEST_LINE:
        raise RowError(Fault("file", f"longer than {LONGEST_LINE:,} bytes"))
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _not_lines(line, row, f"not UTF-8 (byte {error.start + 1})") from error
    except json.JSONDecodeError as error:
        raise _not_lines(line, row, f"not JSON ({error.msg})") from error
    except ValueError as error:
        raise RowError(Fault("file", "holds a number of more digits than can be read")) from error
    except RecursionError as error:
        raise RowError(Fault("file", "nested too deeply")) from error
    if not isinstance(value, dict):
        raise _not_lines(line, row, "not a JSON object")
    return value


def pair(row: Mapping[str, object], columns: Columns) -> tuple[str, str]:
    """Question and gold answer of a row. Raises RowError."""
    question = _text(row, columns.question, "question").strip()
    if not question:
        raise RowError(Fault("question", f"column `{shown(columns.question)}` is empty"))
    field = _text(row, columns.answer, "answer")
    try:
        answer = gold_answer(field, columns.after)
    except AnswerError as error:
        part: RowPart = "after" if columns.after and columns.after not in field else "answer"
        raise RowError(Fault(part, str(error))) from error
    if (problem := gold_problem(answer)) is not None:
        raise RowError(Fault("answer", f"the gold answer {problem}"))
    return question, answer


def text(row: Mapping[str, object], columns: Columns) -> str:
    """The text that a row has beside them; "" where none is named. Raises RowError."""
    if not columns.trace:
        return ""
    found = _text(row, columns.trace, "trace")
    if not found.strip():
        raise RowError(Fault("trace", f"column `{shown(columns.trace)}` is empty"))
    return found


def _text(row: Mapping[str, object], column: str, part: RowPart) -> str:
    """A column as text. Only text and numbers have one spelling; anything else is an error, never its Python form."""
    if column not in row:
        there = tuple(sorted(shown(name) for name in row))
        named = ", ".join(there[:MOST_NAMED]) or "none"
        more = f" and {len(there) - MOST_NAMED} more" if len(there) > MOST_NAMED else ""
        message = f"no column `{shown(column)}`; there are {named}{more}"
        raise RowError(Fault(part, message, missing=column, there=there))
    value = row[column]
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            said = f"column `{shown(column)}` holds half a character (a lone surrogate), which no file can keep"
            raise RowError(Fault(part, said)) from error
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    held = "nothing" if value is None else f"{shown(reprlib.repr(value))} ({type(value).__name__})"
    raise RowError(Fault(part, f"column `{shown(column)}` holds {held}, which is neither a text nor a number"))


def shown(name: str) -> str:
    """A text of a stranger's, fit to stand in a sentence."""
    line = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name[:41])
    return line if len(line) <= 40 else f"{line[:39]}…"


def _not_lines(line: bytes, row: int, what: str) -> RowError:
    """What is said of a line that is no object; of the first line, also what the whole file seems to be."""
    seems = _seems(line) if row == 0 else ""
    return RowError(Fault("file", f"{what}: {seems}" if seems else what))


def _seems(line: bytes) -> str:
    for start, name in _FOREIGN:
        if line.startswith(start):
            return f"the file is {name}"
    bare = line.strip()
    if bare.startswith(b"{") and bare.endswith(b"}"):
        return ""
    if bare.startswith(b"["):
        return "the file seems to be one JSON list, and each line must be an object of its own"
    if bare.startswith(b"{"):
        return "the file seems to be JSON over several lines, and each row must stand on one line"
    if b"," in bare or b"\t" in bare:
        return "the file seems to be a table (CSV, TSV), and each line must be a JSON object"
    return ""
