"""Under which licence the models and data are that a model was made of, as far as files of this machine say it.

The hub keeps it in the head of a repository's README.md, which lies beside what was downloaded, at least of data sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from cotspec.export.card import Licence
from cotspec.files import plain, regular
from cotspec.files.snapshots import Kind, SnapshotError, commit, resolved
from cotspec.front import local, modelfiles
from cotspec.ir.plan import Task
from cotspec.spec.local import Local, folder
from cotspec.spec.payload import (
    Body,
    BuiltinData,
    BuiltinModel,
    DataBody,
    EndpointModel,
    FileData,
    HubData,
    HubModel,
    InputModel,
    RewardedBody,
    TextBody,
    WrittenBody,
)

OWN: Final = "apache-2.0"
"""Licence of the models and questions that come with cotspec."""
_MOST_CARD: Final = 5_000_000
"""Most bytes of a README.md that is read."""
Ask = Callable[[Kind, str, str], str]
"""Kind, id and revision on the hub → its licence; "" where it is not known."""


def of_files(root: Path) -> Ask:
    """What this machine's own copies say."""
    given = local.settings(root)
    return lambda kind, id, revision: next(
        filter(None, map(_told, _copies(root, given, kind, id, revision))),
        "",
    )


def of_tasks(root: Path, tasks: Sequence[Task], ask: Ask) -> list[Licence]:
    """What the tasks read that was there before them, each once."""
    every = (each for task in tasks for each in _of(root, task, ask))
    return list(dict.fromkeys(every))


def _of(root: Path, task: Task, ask: Ask) -> Iterator[Licence]:
    if isinstance(task.body, DataBody):
        match task.body.source:
            case HubData(id=id, revision=revision):
                yield Licence(f"data set {id} at {revision}", ask("data", id, revision))
            case BuiltinData(name=name):
                yield Licence(f"data set {name} of cotspec", OWN)
            case FileData():
                yield Licence(f"data file {task.reads['file'].file}", "")
    for model, role in _models(task.body):
        read = task.reads.get(role)
        match model:
            case HubModel(id=id, revision=revision):
                yield Licence(f"model {id} at {revision}", ask("models", id, revision))
            case BuiltinModel(name=name):
                yield Licence(f"model {name} of cotspec", OWN)
            case InputModel() if read is not None and not read.task:
                yield Licence(f"model in {read.file}", _told(root / read.file, (root,)))
            case EndpointModel(name=name):
                yield Licence(f"model {name} behind a server", "")


def _models(body: Body) -> Iterator[tuple[object, str]]:
    """The models of a task, each with its input where it is a folder."""
    yield getattr(body, "start", None), "model"
    yield getattr(body, "model", None), "model"
    yield getattr(body, "teacher", None), "teacher"
    if isinstance(body, RewardedBody):
        yield from ((judge.model, judge.role) for judge in body.judges)
    if isinstance(body, WrittenBody):
        yield from ((each.model, each.input) for each in body.tilt)
    if isinstance(body, TextBody):
        yield from ((model, "revise") for model in body.revise)


def _copies(root: Path, given: Local, kind: Kind, id: str, revision: str) -> Iterator[Path]:
    """Folders of this machine that may hold a model or data set of the hub."""
    if kind == "models":
        yield from (place for place, _ in modelfiles.of_hub(id, revision, root, given))
    elif id in given.data:
        with suppress(SnapshotError):
            yield resolved(folder(given.data[id], root), kind, id, revision)
    else:
        kept = modelfiles.hub_cache(root, given) / f"datasets--{id.replace('/', '--')}"
        yield kept / "snapshots" / commit(kept, revision)


def _told(place: Path, within: tuple[Path, ...] = ()) -> str:
    """What the card of a folder says; "" for nothing that can be read."""
    try:
        head = regular.content(place / "README.md", most=_MOST_CARD, within=within).decode("utf-8").split("\n---", 1)[0]
        told = plain.yaml_value(head.removeprefix("---").encode()) if head.startswith("---") else None
    except (OSError, ValueError):
        return ""
    terms = told.get("license") if isinstance(told, dict) else None
    return plain.sentence(terms) if isinstance(terms, str) else ""
