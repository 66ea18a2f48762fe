"""Task `data`: a hub data set, a JSON-lines file or a builtin generator → problems.jsonl, counts.json."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from itertools import islice
from logging import ERROR, getLogger
from pathlib import Path
from typing import assert_never

from cotspec.builtin import problems
from cotspec.cot.answers import AnswerError, gold_answer
from cotspec.hub import fetch
from cotspec.hub.problem import HubError
from cotspec.runtime import lines, local
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress, say
from cotspec.runtime.records import Problem
from cotspec.runtime.task import Task
from cotspec.spec.local import LOCAL_FILE
from cotspec.spec.lock import is_commit
from cotspec.spec.payload import BuiltinData, DataBody, FileData, HubData

Pair = tuple[str, str]
"""Question and answer field."""


def run(task: Task, _work: Path, result: Path) -> None:
    """Write problems.jsonl. A row without a question or an answer is an error naming it, never an empty problem."""
    body = task.body(DataBody)
    end = None if body.slice.end < 0 else body.slice.end
    rows = islice(enumerate(_pairs(body.source, task)), body.slice.first, end)
    total = max(0, end - body.slice.first) if end is not None else 0
    found: list[Problem] = []
    with Progress("problems", total) as progress:
        for number, (question, answer) in rows:
            found.append(_problem(number, question, answer))
            progress.total = max(total, len(found))
            progress.update(len(found))
        progress.total = len(found)
    if not found:
        raise TaskError("the data set has no rows in this slice")
    lines.write(result / "problems.jsonl", found)
    lines.write_json(result / "counts.json", {"problems": len(found)})
    say(f"{len(found)} problems")


def _problem(number: int, question: str, answer: str) -> Problem:
    if not question.strip():
        raise TaskError(f"row {number} has no question")
    if not answer.strip():
        raise TaskError(f"row {number} has no answer (is `answer.after` right?)")
    return Problem(id=number, question=question.strip(), answer=answer)


def _pairs(source: HubData | BuiltinData | FileData, task: Task) -> Iterator[Pair]:
    match source:
        case BuiltinData():
            return _builtin(source)
        case FileData():
            return _file(source, task.input("file"))
        case HubData():
            return _hub(source, local.found(task.root, "data", source.id, source.revision))
        case _:
            assert_never(source)


def _builtin(source: BuiltinData) -> Iterator[Pair]:
    if source.name != "chains":
        raise TaskError(f"there is no builtin data set `{source.name}`; there is `chains`")
    split = {"train": "train", "valid": "valid", "test": "test"}.get(source.split)
    if split is None:
        raise TaskError(f"`chains` has no split `{source.split}`; there are train, valid, test")
    made = problems.generate(split=split, size=source.size, seed=source.seed, steps=source.steps)  # type: ignore[arg-type]
    return ((problem.question, problem.answer) for problem in made)


def _file(source: FileData, path: Path) -> Iterator[Pair]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8"))
            except UnicodeDecodeError as error:
                raise TaskError(f"{path.name}, line {number}: not UTF-8 (byte {error.start + 1})") from error
            except json.JSONDecodeError as error:
                raise TaskError(f"{path.name}, line {number}: not JSON ({error.msg})") from error
            if not isinstance(row, dict):
                raise TaskError(f"{path.name}, line {number}: not a JSON object")
            yield _columns(row, source, f"{path.name}, line {number}")


def _hub(source: HubData, own: Path | None) -> Iterator[Pair]:
    """Rows of a data set from the hub, or from this machine's own folder with its files."""
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
        data = load_dataset(str(folder), source.config or None, split=source.split)
    except (OSError, ValueError, DatasetsError) as error:
        why = error.__cause__ or error  # `an error occurred` says less than what caused it
        raise TaskError(f"cannot load the data set {source.id}: {(str(why).splitlines() or [''])[0]}") from error
    for number, row in enumerate(data):
        yield _columns(row, source, f"{source.id}, row {number}")


def _fetched(source: HubData) -> Path:
    """The files of the very commit the payload names; of a branch, those of the commit it is at now."""
    try:
        folder = fetch.data(source.id, source.revision, source.config)
    except HubError as error:
        raise TaskError(f"cannot load the data set: {error} ({error.advice})") from error
    note = "" if is_commit(source.revision) else f" ({source.revision} on the hub; `cotspec lock` pins it)"
    say(f"data set: {source.id} at {fetch.commit(folder)}{note}")
    return folder


def _columns(row: Mapping[str, object], source: HubData | FileData, where: str) -> Pair:
    question, answer = (_text(row, column, where) for column in (source.question, source.answer))
    try:
        return question, gold_answer(answer, source.answer_after)
    except AnswerError as error:
        raise TaskError(f"{where}: {error}") from error


def _text(row: Mapping[str, object], column: str, where: str) -> str:
    """A column as text. Only text and numbers have one spelling; anything else is an error, never its Python form."""
    if column not in row:
        raise TaskError(f"{where}: no column `{column}`; there are {', '.join(sorted(row))}")
    value = row[column]
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    held = "nothing" if value is None else f"{str(value)[:40]} ({type(value).__name__})"
    raise TaskError(f"{where}: column `{column}` holds {held}, which is neither a text nor a number")
