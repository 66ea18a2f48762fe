"""The tasks behind a report, as their payloads say: what each reads, which models and data there are, all settings.

payload.json of a task lies beside its results, and its id is a hash of what it says: what the report is made of names
these ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cotspec.runtime import lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.task import Task

MOST_SETTINGS: Final = 20_000
"""Characters of a task's settings that are shown."""
_FILTER: Final = "filter of "
_TEXTS: Final = "texts of "
_NAMES: Final = {
    "data": "questions of",
    "kept": "filter of",
    "evaluate": "evaluation of",
    "pairs": "pairs of",
}


@dataclass(frozen=True, kw_only=True)
class Made:
    """A task on the way to a report."""

    id: str
    name: str
    """What a person would call it; its kind where only other tasks know it."""
    kind: str
    reads: tuple[str, ...]
    """Ids of the tasks that it reads."""
    files: tuple[str, ...]
    """Files of the project that it reads."""
    settings: str
    """All that decides its result, as JSON."""
    uses: tuple[str, ...]
    """Models and data, with the revision or digest that is recorded."""
    kernel: Mapping[str, int]


def tasks(task: Task) -> list[Made]:
    """All that can be read, producers first."""
    names, made = _names(task), dict[str, Made]()
    left = [*_producers(task.folder, [(given.path, given.producer) for given in task.payload.inputs.values()])]
    entered: dict[str, Mapping[str, Any]] = {}
    while left:
        id, folder = left.pop()
        if id in entered:  # all it reads comes before it by now
            made.setdefault(id, _made(id, entered[id], names))
        elif (payload := _payload(folder, id, task.root)) is not None:
            entered[id] = payload
            left += [(id, folder), *(each for each in _producers(folder, _reads(payload)) if each[0] not in entered)]
    order = {id: at for at, id in enumerate(made)}
    readers = {id: each.name for each in reversed(made.values()) for id in each.reads}
    return [
        replace(
            each,
            name=each.name if id in names else _by_reader(each.kind, readers.get(id, "")),
            reads=tuple(sorted(each.reads, key=lambda read: order.get(read, len(order)))),
        )
        for id, each in made.items()
    ]


def _by_reader(kind: str, reader: str) -> str:
    """What a task is called that only another one knows: the first that reads it."""
    if reader.startswith(_FILTER):
        return reader.replace(_FILTER, _TEXTS)
    return f"{kind} for {reader}" if reader else kind


def stage_settings(made: list[Made], stage: str) -> Mapping[str, Any]:
    """Settings of a stage's training, {} where nobody knows."""
    named = next((each.settings for each in made if each.name == f"stage {stage}"), "{}")
    try:
        settings = json.loads(named)
    except ValueError:  # longer than what is kept
        return {}
    return settings if isinstance(settings, dict) else {}


def _names(task: Task) -> dict[str, str]:
    """By id, what the roles of the report's inputs call a task."""
    names: dict[str, str] = {}
    for role, given in task.payload.inputs.items():
        part, _, _ = role.rpartition("/")
        if part and given.producer:
            names.setdefault(given.producer, called(part))
        elif role == "contamination":
            names.setdefault(given.producer, "contamination")
    return names


def called(part: str) -> str:
    """`stages/compress/rows` is `rows of stage compress`, `data/test` is `questions of test`."""
    kind, _, rest = part.partition("/")
    if kind != "stages":
        return f"{_NAMES.get(kind, kind)} {' on '.join(reversed(rest.split('/')))}"
    stage, _, what = rest.partition("/")
    what, _, number = what.partition("/")
    if what == "train":
        return f"stage {stage}"
    return f"{'way out' if what == 'gate' else what} of stage {stage}{f', source {number}' if number else ''}"


def _producers(start: Path, reads: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Path]]:
    """The tasks that make inputs, and their folders; each path counts from `start`."""
    for path, producer in reads:
        before, producer_in_path, _ = path.partition(f"{producer}/")
        if producer and producer_in_path:
            yield producer, (start / before / producer).resolve()


def _payload(folder: Path, id: str, root: Path) -> Mapping[str, Any] | None:
    """The payload of a task; None where there is none, and the report stands without it."""
    if not folder.is_relative_to(root):
        return None
    try:
        payload = lines.read_json(folder / "payload.json")
    except TaskError:
        return None
    return payload if payload.get("id") == id else None


def _reads(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Path and producer of each input."""
    given = payload.get("inputs")
    every = given.values() if isinstance(given, dict) else ()
    read = ((each.get("path"), each.get("producer")) for each in every if isinstance(each, dict))
    return [(path, producer) for path, producer in read if isinstance(path, str) and isinstance(producer, str)]


def _made(id: str, payload: Mapping[str, Any], names: Mapping[str, str]) -> Made:
    body = payload.get("task")
    body = body if isinstance(body, dict) else {}
    kernel = payload.get("kernel")
    reads = _reads(payload)
    return Made(
        id=id,
        name=_name(names.get(id, ""), str(body.get("kind", ""))),
        kind=str(body.get("kind", "")),
        reads=tuple(dict.fromkeys(producer for _, producer in reads if producer)),
        files=tuple(dict.fromkeys(path for path, producer in reads if not producer)),
        settings=json.dumps(body, indent=2, ensure_ascii=False),
        uses=tuple(_uses(body)),
        kernel=kernel if isinstance(kernel, dict) else {},
    )


def _name(told: str, kind: str) -> str:
    """What tries questions filters them, too."""
    return told.replace(_FILTER, "failures of ") if kind == "mine" else told or kind


_WHAT: Final = MappingProxyType(
    {"start": "begins with", "teacher": "learns from", "source": "from", "judge": "judged by"}
)


def _uses(body: Mapping[str, Any]) -> Iterator[str]:
    """Models and data of a body, as it names them."""
    named = [(role, body.get(role)) for role in ("model", "start", "teacher", "source")]
    judges = body.get("judges")
    for judge in judges if isinstance(judges, list) else []:
        named += [("judge", judge.get("model"))] if isinstance(judge, dict) else []
    for role, given in named:
        if not isinstance(given, dict):
            continue
        what = _WHAT.get(role, "by")
        match given.get("kind"):
            case "hub":
                more = "/".join(str(given[key]) for key in ("config", "split") if given.get(key))
                yield f"{what} hub {given.get('id')}{f' ({more})' if more else ''} at revision {given.get('revision')}"
            case "builtin":
                digest = f", sha256 {given['digest']}" if given.get("digest") else ""
                more = ", ".join(f"{key} {given[key]}" for key in ("split", "size", "seed", "steps") if key in given)
                yield f"{what} builtin {given.get('name')}{f' ({more})' if more else ''}{digest}"
            case "endpoint":
                at = f" at {given['url']}" if given.get("url") else ", where this machine knows it"
                version = f", version {given['version']}" if given.get("version") else ""
                yield f"{what} endpoint {given.get('name')}{at}{version}"
            case "self":
                yield f"{what} its own first weights"
            case _:  # its inputs say which
                continue
