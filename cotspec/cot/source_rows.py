"""Rows of a data set → questions with gold answers, or what is wrong with them.

One reader for `cotspec check`, which looks at a file's first rows, and for the data task, which reads all of them: what
one accepts the other accepts. Knows lines of bytes and rows of values; not how a file is read (cotspec.files.tables),
not where a spec names it.
"""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal, NamedTuple, cast

from cotspec.cot.answers import AnswerError, gold_answer, gold_problem
from cotspec.cot.latex import boxed
from cotspec.files import tables
from cotspec.files.tables import LONGEST_ROW, Bad, Place, Row

MOST_NAMED: Final = 20
"""Columns that a message lists."""
_TURN: Final = (("role", "content"), ("from", "value"))
"""How a turn of a chat names who speaks, and what is said."""
_INDEX: Final = re.compile(r"-?\d{1,6}")
"""The place of an item in a list, from 0; from -1 backwards."""

RowPart = Literal["file", "question", "answer", "after", "boxed", "trace"]
"""The setting of a data set that a fault is about."""


Named = str | tuple[str, ...]
"""A column, or several whose texts are one, each on a line of its own."""


class Columns(NamedTuple):
    """Where a row holds its question and its gold answer; the answer is what follows the last `after`, and "" has none.

    A name is that of a column or, where there is none of it, a path with dots: into groups by their keys, into lists by
    place (`choices.0`, from the end `choices.-1`), and into the turns of a chat by who speaks (`messages.user`,
    `conversations.gpt`, of several turns `messages.user.0`).
    """

    question: Named
    answer: str
    after: str
    trace: Named = ""
    """The column of a text for each question; "" has none."""
    boxed: bool = False
    """The answer is what the last `\\boxed{…}` holds."""

    @property
    def named(self) -> tuple[str, ...]:
        """All columns that are named."""
        several = (self.question, self.answer, self.trace)
        return tuple(name for each in several for name in ((each,) if isinstance(each, str) else each) if name)


class Fault(NamedTuple):
    """What is wrong with a row."""

    part: RowPart
    message: str
    missing: str = ""
    """The column that is missing."""
    there: tuple[str, ...] = ()
    """The columns there are, where one is missing."""
    advice: str = ""
    """What to do, where that is known."""


class RowError(ValueError):
    """A row that cannot be used."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Question(NamedTuple):
    """A row that can be asked and graded."""

    row: int
    """Its place among the rows, from 0: the id of the problem."""
    place: Place
    """Where the row stands in its file."""
    question: str
    answer: str
    trace: str = ""


class FaultCount(NamedTuple):
    """A fault, the place where it was first met, and how many rows have one of its kind."""

    fault: Fault
    place: Place
    rows: int


@dataclass(kw_only=True)
class Reading:
    """What was read of a data set."""

    questions: list[Question] = field(default_factory=list)
    faults: dict[tuple[RowPart, str], FaultCount] = field(default_factory=dict)
    """By the setting they are about and the column that is missing."""
    rows: int = 0
    """Rows before the end of the slice, good or not."""
    torn: bool = False
    """Whether a file could not be read to its end, so that nobody knows how many rows are missing."""

    @property
    def bad(self) -> int:
        """How many rows of the slice are bad."""
        return sum(count.rows for count in self.faults.values())

    @property
    def whole(self) -> int:
        """How many rows the slice has, good and bad."""
        return self.bad + len(self.questions)

    def within(self, max_bad: float) -> bool:
        """Whether the bad rows are so few, this share at most, that they may be left out."""
        return bool(self.questions) and not self.torn and self.bad / self.whole <= max_bad

    def shared(self, max_bad: float) -> str:
        """How many rows are bad, and whether so many may be left out."""
        bad, whole = self.bad, self.whole
        so = " and left out, as" if self.within(max_bad) else ", more than"
        return f"{bad:,} of {whole:,} rows {'is' if bad == 1 else 'are'} bad{so} `max_bad_rows: {max_bad:g}` allows"


def read(
    rows: Iterable[tuple[Place, Row]],
    columns: Columns,
    *,
    first: int = 0,
    end: int | None = None,
) -> Reading:
    """The questions of rows [first, end), and the faults of the others of them. A file that cannot be read further is a
    fault in front of them, too."""
    reading = Reading()
    for row, (place, raw) in enumerate(islice(rows, end)):
        reading.rows += 1
        ends = isinstance(raw, Bad) and raw.ends
        reading.torn = reading.torn or ends
        if row < first and not ends:
            continue
        try:
            values = _values(raw, row)
            question, answer = pair(values, columns)
            trace = text(values, columns)
        except RowError as error:
            key = (error.fault.part, error.fault.missing)
            before = reading.faults.get(key)
            reading.faults[key] = before._replace(rows=before.rows + 1) if before else FaultCount(error.fault, place, 1)
            continue
        reading.questions.append(Question(row, place, question, answer, trace))
    return reading


def _values(raw: Row, row: int) -> Mapping[str, object]:
    if isinstance(raw, Bad):
        raise RowError(Fault("file", raw.message, advice=raw.advice))
    return parsed(raw, row) if isinstance(raw, bytes) else raw


def parsed(line: bytes, row: int = 0) -> Mapping[str, object]:
    """A line as the object it holds. Raises RowError."""
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _not_lines(line, row, f"not UTF-8 (byte {error.start + 1})") from error
    except json.JSONDecodeError as error:
        why = error.msg.removesuffix(" at").removesuffix(" starting")  # of "Unterminated string starting at" a place
        raise _not_lines(line, row, f"not JSON ({why})") from error
    except ValueError as error:
        raise RowError(Fault("file", "holds a number of more digits than can be read")) from error
    except RecursionError as error:
        raise RowError(Fault("file", "nested too deeply")) from error
    if not isinstance(value, dict):
        raise _not_lines(line, row, "not a JSON object")
    return value


def pair(row: Mapping[str, object], columns: Columns) -> tuple[str, str]:
    """Question and gold answer of a row. Raises RowError."""
    question = _joined(row, columns.question, "question").strip()
    if not columns.answer:
        return question, ""
    field = _text(row, columns.answer, "answer")
    try:
        answer = gold_answer(field, columns.after)
    except AnswerError as error:
        part: RowPart = "after" if columns.after and columns.after not in field else "answer"
        raise RowError(Fault(part, str(error))) from error
    if columns.boxed:
        answer = _boxed(answer)
    if (problem := gold_problem(answer)) is not None:
        raise RowError(Fault("answer", f"the gold answer {problem}"))
    return question, answer


def _boxed(field: str) -> str:
    box = boxed(field)
    if box is None or not box[0].strip():
        raise RowError(Fault("boxed", f"no \\boxed{{…}} in the answer field {shown(reprlib.repr(field))}"))
    return box[0].strip()


def text(row: Mapping[str, object], columns: Columns) -> str:
    """The text that a row has beside question and answer; "" where no column is named for it. Raises RowError."""
    return _joined(row, columns.trace, "trace") if columns.trace else ""


def _joined(row: Mapping[str, object], columns: Named, part: RowPart) -> str:
    """A column as text; of several those that hold any, each on a line of its own. Raises RowError."""
    if isinstance(columns, str):
        joined = _text(row, columns, part)
    else:
        texts = (_text(row, column, part, empty=True) for column in columns)
        joined = "\n".join(each for each in texts if each.strip())
    if not joined.strip():
        names = "`, `".join(map(shown, (columns,) if isinstance(columns, str) else columns))
        raise RowError(Fault(part, f"column `{names}` is empty"))
    return joined


def _text(row: Mapping[str, object], column: str, part: RowPart, *, empty: bool = False) -> str:
    """A column as text. Only text and numbers have one spelling; anything else is an error, never its Python form.
    Nothing is an error, too, unless it may be `empty`."""
    value = _at(row, column, part)
    if isinstance(value, str):
        if len(value) > LONGEST_ROW:
            raise RowError(Fault(part, f"column `{shown(column)}` holds a text of {len(value):,} characters"))
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            message = f"column `{shown(column)}` holds half a character (a lone surrogate), which no file can keep"
            raise RowError(Fault(part, message)) from error
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    if value is None and empty:
        return ""
    held = "nothing" if value is None else f"{shown(reprlib.repr(value))} ({type(value).__name__})"
    instead = _instead(column, value)
    raise RowError(Fault(part, f"column `{shown(column)}` holds {held}, which is neither a text nor a number{instead}"))


def _instead(column: str, value: object) -> str:
    """What to write for a column that holds more than a text."""
    names = _names(value)[:MOST_NAMED] if isinstance(value, Mapping) or _chat(value) else ()
    return f"; name what is in it: {', '.join(f'{shown(column)}.{name}' for name in names)}" if names else ""


# --- names of columns -------------------------------------------------------------------------------------------------


def _at(row: Mapping[str, object], column: str, part: RowPart) -> object:
    """What a name stands for in a row. Raises RowError."""
    if column in row:
        return row[column]
    value, before, parts = cast("object", row), "", column.split(".")
    if len(parts) == 1 or parts[0] not in row:
        raise RowError(_missing(part, column, "", _columns(row)))
    while parts:
        step, *parts = parts
        field = _step(value, step)
        if field is None:
            raise RowError(_missing(part, column, before, _names(value)))
        value, before = field.value, f"{before}{step}."
        if isinstance(value, _SpeakerTurns) and not parts:
            return _only(value, column, part)
    return value


class _Step(NamedTuple):
    """What one part of a dotted name leads to."""

    value: object


class _SpeakerTurns(NamedTuple):
    """What one of a chat's speakers says, turn by turn."""

    turns: list[object]


def _step(here: object, step: str) -> _Step | None:
    if isinstance(here, _SpeakerTurns):
        here = here.turns
    elif isinstance(here, Mapping):
        return _Step(here[step]) if step in here else None
    elif turns := _chat(here):
        said = [text for who, text in turns if who == step]
        if said:
            return _Step(_SpeakerTurns(said))
    if isinstance(here, list) and _INDEX.fullmatch(step) and -len(here) <= int(step) < len(here):
        return _Step(here[int(step)])
    return None


def _only(said: _SpeakerTurns, column: str, part: RowPart) -> object:
    if len(said.turns) == 1:
        return said.turns[0]
    name = shown(column)
    message = f"`{name}` has {len(said.turns)} turns, not one: write which, `{name}.0` for the first"
    raise RowError(Fault(part, message))


def _chat(value: object) -> list[tuple[str, object]]:
    """The turns of a chat, who speaks and what; none where a value is no chat."""
    if not isinstance(value, list) or not value or not all(isinstance(turn, Mapping) for turn in value):
        return []
    for who, what in _TURN:
        if all(isinstance(turn.get(who), str) and what in turn for turn in value):
            return [(turn[who], turn[what]) for turn in value]
    return []


def _names(value: object) -> tuple[str, ...]:
    """The names that may follow a dot."""
    if isinstance(value, _SpeakerTurns):
        value = value.turns
    if isinstance(value, Mapping):
        return tuple(sorted(shown(str(name)) for name in value))
    if turns := _chat(value):
        return tuple(dict.fromkeys(shown(who) for who, _ in turns))
    return tuple(map(str, range(len(value)))) if isinstance(value, list) else ()


def _columns(row: Mapping[str, object]) -> tuple[str, ...]:
    """What can be named of a row: its columns, and of a group or a chat what is in it."""
    nested = {name: _names(value) if isinstance(value, Mapping) or _chat(value) else () for name, value in row.items()}
    return tuple(
        each
        for name in sorted(map(str, row))
        for each in ([f"{shown(name)}.{inner}" for inner in nested[name]] or [shown(name)])
    )


def _missing(part: RowPart, column: str, before: str, names: tuple[str, ...]) -> Fault:
    there = tuple(f"{shown(before) if before else ''}{name}" for name in names)
    named = ", ".join(there[:MOST_NAMED]) or "none"
    more = f" and {len(there) - MOST_NAMED} more" if len(there) > MOST_NAMED else ""
    message = f"no column `{shown(column)}`; there are {named}{more}"
    return Fault(part, message, missing=column, there=there)


def shown(name: str) -> str:
    """A name out of a stranger's file, short and printable, so that a message can quote it."""
    line = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name[:41])
    return line if len(line) <= 40 else f"{line[:39]}…"


def _not_lines(line: bytes, row: int, what: str) -> RowError:
    """What is said of a line that is no object; of the first line, also what the whole file seems to be."""
    seems, advice = _seems(line) if row == 0 else ("", "")
    return RowError(Fault("file", f"{what}: the file {seems}" if seems else what, advice=advice))


def _seems(line: bytes) -> tuple[str, str]:
    """What a file is whose first line is no object, and what to do with it."""
    name, advice = tables.seems(line)
    bare = line.strip()
    if name:
        return f"is {name}", advice
    if bare.startswith(b"["):
        return "seems to be one JSON list", "name it .json, or write each object on a line of its own"
    if bare.startswith(b"{") and not bare.endswith(b"}"):
        return "seems to be JSON over several lines", "write each object on one line, or a JSON list of them (.json)"
    if not bare.startswith(b"{") and (b"," in bare or b"\t" in bare):
        return "seems to be a table", "name it .csv or .tsv, or write each row as a JSON object"
    return "", ""
