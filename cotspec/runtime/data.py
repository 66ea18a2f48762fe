"""Task `data`: a hub data set, data files or a builtin generator → problems.jsonl, counts.json."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from logging import ERROR, getLogger
from pathlib import Path
from typing import Final, assert_never

from cotspec.builtin import problems
from cotspec.cot import source_rows
from cotspec.cot.answers import gold_problem
from cotspec.cot.contamination import Item, repeats
from cotspec.cot.source_rows import Columns
from cotspec.files import tables
from cotspec.files.tables import Place, Row, TableError
from cotspec.hub import fetch
from cotspec.hub.errors import HubError
from cotspec.runtime import lines, local, scratch
from cotspec.runtime.contamination import contradicting
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress, say
from cotspec.runtime.records import Problem, TracedProblem
from cotspec.runtime.task import Task
from cotspec.spec.local import LOCAL_FILE
from cotspec.spec.lock import is_commit
from cotspec.spec.payload import BuiltinData, DataBody, FileData, HubData, Table

_NAMED: Final = 3
"""Gold answers that nothing can equal are shown up to this many."""
_FIRST: Final = 1000
"""Rows of a slice that the preflight looks at."""
Rows = Iterator[tuple[Place, Row]]
"""A row as its source holds it, with its place there."""
AnyData = HubData | BuiltinData | FileData


def run(task: Task, work: Path, result: Path) -> None:
    """Write problems.jsonl. A row that is no problem is an error that names it, unless so many may be left out."""
    body = task.body(DataBody)
    end = None if body.slice.end < 0 else body.slice.end
    columns = _columns(body.source)
    with Progress("problems", end or 0) as progress:
        rows = _counted(_rows(body.source, task, work), progress)
        try:
            reading = source_rows.read(rows, columns, first=body.slice.first, end=end)
        except TableError as error:
            raise TaskError(f"{_name(body.source, task)}: {_with_advice(str(error), error.advice)}") from error
        progress.total = reading.rows
    left_out = _left_out(reading, body.source, lambda place: _named(body.source, task, place))
    problems = [_problem(each) for each in reading.questions]
    lines.write(result / "problems.jsonl", problems)
    bad = _without_equal(problems)
    counts: dict[str, object] = {"problems": len(problems)}
    counts |= {"bad_rows": reading.bad, "first_bad_rows": left_out} if left_out else {}
    counts |= {"gold_answers_nothing_can_equal": len(bad)} if bad else {}
    lines.write_json(result / "counts.json", counts)
    say(f"{len(problems)} problems")
    if left_out:
        say("\n  ".join([f"{reading.shared(_max_bad(body.source))}:", *left_out]))
    asked = repeats(Item(problem.id, problem.question, problem.answer) for problem in problems)
    if asked.contradicting:
        say(contradicting(asked))
    if bad:
        say(f"no answer can equal the gold answer of {len(bad)} of them; they are in all the counts:")
        for problem, why in bad[:_NAMED]:
            say(f"  row {problem.id}: the gold answer {why}")


def _problem(question: source_rows.Question) -> Problem:
    if not question.trace:
        return Problem(id=question.row, question=question.question, answer=question.answer)
    return TracedProblem(id=question.row, question=question.question, answer=question.answer, trace=question.trace)


def _without_equal(problems: list[Problem]) -> list[tuple[Problem, str]]:
    """The problems whose gold answer is none or cannot be read, and why."""
    judged = ((each, gold_problem(each.answer, formulas=True)) for each in problems if each.answer)
    return [(problem, why) for problem, why in judged if why is not None]


def first_faults(root: Path, table: Table) -> list[str]:
    """What is wrong with the first rows of a Parquet file of the project; nothing of one that is not there yet, or of a
    file of another format, which a check has looked at."""
    path, who = root / table.path, f" (asked by {', '.join(table.asked)})"
    try:
        files = tables.files(path)
        if not path.exists() or tables.kind(files[0][1].name).format != "parquet":
            return []
        last = table.first + _FIRST
        end = last if table.end < 0 else min(table.end, last)
        with tempfile.TemporaryDirectory() as work:
            rows = _file(table.source, path, Path(work))
            reading = source_rows.read(rows, _columns(table.source), first=table.first, end=end)
    except OSError as error:
        return [f"{table.path}: {error}{who}"]
    except TableError as error:
        return [f"{table.path}: {_with_advice(str(error), error.advice)}{who}"]
    told, most = _told(reading, lambda place: _row(table.path, place)), table.source.max_bad_rows
    whole = reading.rows < last or reading.rows == table.end
    if told and (reading.within(most) or (most and reading.questions and not whole and not reading.torn)):
        more = "" if whole else "; of the rows behind them its task says it"
        say("\n  ".join([f"{table.path}: {reading.shared(most)}{more}:", *told]))
        return []
    return [f"{fault}{who}" for fault in (told if told or reading.rows else [f"{table.path} has no rows"])]


def _row(file: str, place: Place) -> str:
    return f"{'/'.join(filter(None, (file, place.shard)))}, row {place.number}"


def _told(reading: source_rows.Reading, named: Callable[[Place], str]) -> list[str]:
    """What is wrong with the rows: the first of each kind, and how many there are."""
    told = []
    for fault, where, rows in sorted(reading.faults.values(), key=lambda each: each.place):
        more = f" (and {rows - 1} more row{'s' if rows > 2 else ''})" if rows > 1 else ""
        told.append(f"{named(where)}: {_with_advice(fault.message, fault.advice)}{more}")
    return told


def _with_advice(message: str, advice: str) -> str:
    return f"{message}: {advice}" if advice else message


def _left_out(reading: source_rows.Reading, source: AnyData, named: Callable[[Place], str]) -> list[str]:
    """What is wrong with the rows that are left out. Raises TaskError where they are more than may be."""
    told, most = _told(reading, named), _max_bad(source)
    if told and not reading.within(most):
        bound = [reading.shared(most)] if most and not reading.torn else []
        raise TaskError("\n  ".join([*told, *bound]))
    if not reading.questions:
        whole = f"; there are {reading.rows}" if reading.rows else ", and none at all"
        raise TaskError(f"the data set has no rows in this slice{whole}")
    return told


def _max_bad(source: AnyData) -> float:
    return 0.0 if isinstance(source, BuiltinData) else source.max_bad_rows


def _columns(source: AnyData) -> Columns:
    if isinstance(source, BuiltinData):
        return Columns("question", "answer", "", source.trace)
    return Columns(source.question, source.answer, source.answer_after, source.trace, source.answer_boxed)


def _name(source: AnyData, task: Task) -> str:
    match source:
        case BuiltinData():
            return source.name
        case FileData():
            return task.written("file").name
        case HubData():
            return source.id
        case _:
            assert_never(source)


def _named(source: AnyData, task: Task, place: Place) -> str:
    """A place of a data set as a person finds it."""
    name = "/".join(filter(None, (_name(source, task), place.shard)))
    lines_ = isinstance(source, FileData) and tables.kind(name).format != "parquet"
    return f"{name}, {'line' if lines_ else 'row'} {place.number}"


def _counted(rows: Rows, progress: Progress) -> Rows:
    for done, row in enumerate(rows):
        progress.total = max(progress.total, done)
        progress.update(done)
        yield row


def _rows(source: AnyData, task: Task, work: Path) -> Rows:
    match source:
        case BuiltinData():
            return _builtin(source)
        case FileData():
            return _file(source, task.written("file"), work)
        case HubData():
            return _hub(source, local.found(task.root, "data", source.id, source.revision), work)
        case _:
            assert_never(source)


def _builtin(source: BuiltinData) -> Rows:
    if source.name != "chains":
        raise TaskError(f"there is no builtin data set `{source.name}`; there is `chains`")
    split = {"train": "train", "valid": "valid", "test": "test"}.get(source.split)
    if split is None:
        raise TaskError(f"`chains` has no split `{source.split}`; there are train, valid, test")
    made = problems.generate(split=split, size=source.size, seed=source.seed, steps=source.steps)  # type: ignore[arg-type]
    return ((Place("", at), vars(problem)) for at, problem in enumerate(made))


def _file(source: FileData, path: Path, work: Path) -> Rows:
    """Rows of a data file, or of a folder of them."""
    from cotspec.runtime import parquet

    wanted = _columns(source).named
    yield from tables.rows(path, tables.Meter(), others=lambda file, kind: parquet.rows(file, kind, wanted, work))


def _hub(source: HubData, own: Path | None, work: Path) -> Rows:
    """Rows of a data set from the hub, or from this machine's own folder with its files.

    The library keeps what it has read by the name of the folder and of its files, and would give the rows of another
    folder of that name, or those from before a file was changed. So it is given a new place to keep them.
    """
    if own is not None:
        say(f"{source.id} is taken from {own} ({LOCAL_FILE})")
    folder = own or _fetched(source)
    from datasets import disable_progress_bars, load_dataset
    from datasets.exceptions import DatasetsError
    from datasets.utils import logging

    disable_progress_bars()
    logging.set_verbosity(logging.CRITICAL)  # what it would log as an error it also raises
    getLogger("huggingface_hub").setLevel(ERROR)  # it would warn of every data set without a card
    try:
        data = load_dataset(
            str(folder), source.config or None, split=source.split, cache_dir=str(scratch.fresh(work / "datasets"))
        )
    except (OSError, ValueError, DatasetsError) as error:
        why = error.__cause__ or error  # `an error occurred` says less than what caused it
        raise TaskError(f"cannot load the data set {source.id}: {(str(why).splitlines() or [''])[0]}") from error
    for at, row in enumerate(data):
        yield Place("", at), row


def _fetched(source: HubData) -> Path:
    """The files of the very commit the payload names; of a branch, those of the commit it is at now."""
    try:
        folder = fetch.data(source.id, source.revision, source.config)
    except HubError as error:
        advice = f"{error.advice}; {local.advice('data', source.id)}"
        raise TaskError(f"cannot load the data set: {error} ({advice})") from error
    note = "" if is_commit(source.revision) else f" ({source.revision} on the hub; `cotspec lock` pins it)"
    say(f"data set: {source.id} at {fetch.commit(folder)}{note}")
    return folder
