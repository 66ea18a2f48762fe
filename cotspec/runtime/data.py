"""Task `data`: a hub data set, a JSON-lines file or a builtin generator → problems.jsonl, counts.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from logging import ERROR, getLogger
from pathlib import Path
from typing import Final, assert_never

from cotspec.builtin import problems
from cotspec.cot import source_rows
from cotspec.cot.answers import gold_problem
from cotspec.cot.contamination import Item, repeats
from cotspec.cot.source_rows import Columns
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
from cotspec.spec.payload import BuiltinData, DataBody, FileData, HubData

_NAMED: Final = 3
"""Gold answers that nothing can equal are shown up to this many."""
Rows = Iterator[tuple[int, bytes | Mapping[str, object]]]
"""A row as its source holds it, with its place there."""


def run(task: Task, work: Path, result: Path) -> None:
    """Write problems.jsonl. A row that is no problem is an error that names it; none is left out."""
    body = task.body(DataBody)
    end = None if body.slice.end < 0 else body.slice.end
    columns = _columns(body.source)
    with Progress("problems", end or 0) as progress:
        rows = _counted(_rows(body.source, task, work), progress)
        reading = source_rows.read(rows, columns, first=body.slice.first, end=end)
        progress.total = reading.rows
    _refuse(reading, _place(body.source, task))
    found = [_problem(each) for each in reading.questions]
    lines.write(result / "problems.jsonl", found)
    bad = _without_equal(found)
    counts = {"problems": len(found)} | ({"gold_answers_nothing_can_equal": len(bad)} if bad else {})
    lines.write_json(result / "counts.json", counts)
    say(f"{len(found)} problems")
    asked = repeats(Item(problem.id, problem.question, problem.answer) for problem in found)
    if asked.contradicting:
        say(contradicting(asked))
    if bad:
        say(f"no answer can equal the gold answer of {len(bad)} of them; they are in all the counts:")
        for problem, why in bad[:_NAMED]:
            say(f"  row {problem.id}: the gold answer {why}")


def _problem(found: source_rows.Question) -> Problem:
    if not found.trace:
        return Problem(id=found.row, question=found.question, answer=found.answer)
    return TracedProblem(id=found.row, question=found.question, answer=found.answer, trace=found.trace)


def _without_equal(found: list[Problem]) -> list[tuple[Problem, str]]:
    """The problems whose gold answer is none or cannot be read, and why."""
    judged = ((problem, gold_problem(problem.answer, formulas=True)) for problem in found)
    return [(problem, why) for problem, why in judged if why is not None]


def _refuse(reading: source_rows.Reading, place: str) -> None:
    """Raise TaskError for what is wrong with the rows: the first of each kind, and how many there are."""
    told = []
    for fault, where, rows in sorted(reading.faults.values(), key=lambda each: each.place):
        more = f" (and {rows - 1} more row{'s' if rows > 2 else ''})" if rows > 1 else ""
        told.append(f"{place} {where}: {fault.message}{more}")
    if told:
        raise TaskError("\n  ".join(told))
    if not reading.questions:
        whole = f"; there are {reading.rows}" if reading.rows else ", and none at all"
        raise TaskError(f"the data set has no rows in this slice{whole}")


def _columns(source: HubData | BuiltinData | FileData) -> Columns:
    if isinstance(source, BuiltinData):
        return Columns("question", "answer", "", source.trace)
    return Columns(source.question, source.answer, source.answer_after, source.trace)


def _place(source: HubData | BuiltinData | FileData, task: Task) -> str:
    match source:
        case BuiltinData():
            return f"{source.name}, row"
        case FileData():
            return f"{task.input('file').name}, line"
        case HubData():
            return f"{source.id}, row"
        case _:
            assert_never(source)


def _counted(rows: Rows, progress: Progress) -> Rows:
    for done, row in enumerate(rows):
        progress.total = max(progress.total, done)
        progress.update(done)
        yield row


def _rows(source: HubData | BuiltinData | FileData, task: Task, work: Path) -> Rows:
    match source:
        case BuiltinData():
            return _builtin(source)
        case FileData():
            return _file(task.input("file"))
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
    return enumerate(vars(problem) for problem in made)


def _file(path: Path) -> Rows:
    with path.open("rb") as file:
        yield from source_rows.lines(file)


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
    yield from enumerate(data)


def _fetched(source: HubData) -> Path:
    """The files of the very commit the payload names; of a branch, those of the commit it is at now."""
    try:
        folder = fetch.data(source.id, source.revision, source.config)
    except HubError as error:
        raise TaskError(f"cannot load the data set: {error} ({error.advice})") from error
    note = "" if is_commit(source.revision) else f" ({source.revision} on the hub; `cotspec lock` pins it)"
    say(f"data set: {source.id} at {fetch.commit(folder)}{note}")
    return folder
