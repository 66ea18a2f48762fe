"""A task as it lies on disk: payload.json, run.json, the files it reads. Owns loading and its messages."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from cotspec.cot.versions import KERNEL
from cotspec.runtime.errors import TaskError
from cotspec.spec.base import Part
from cotspec.spec.identity import id_of
from cotspec.spec.payload import Body, Payload, RunSettings

P = TypeVar("P", bound=Part)
B = TypeVar("B", bound=Body)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A loaded task. `folder` holds payload.json and will hold out/; `root` is the project."""

    payload: Payload
    settings: RunSettings
    folder: Path
    root: Path

    @property
    def out(self) -> Path:
        """Where the results go."""
        return self.folder / "out"

    def body(self, kind: type[B]) -> B:
        """What to do, as the type its kind promises. Raises TypeError when dispatch got it wrong."""
        body = self.payload.task
        if not isinstance(body, kind):
            raise TypeError(f"a {body.kind} task was given to the module for {kind.__name__}")
        return body

    def has(self, name: str) -> bool:
        """Whether the task reads an input of this name."""
        return name in self.payload.inputs

    def input(self, name: str) -> Path:
        """The file or folder of an input. Raises TaskError when the payload has none or it is not there."""
        if not self.has(name):
            raise TaskError(f"payload.json has no input `{name}`; run `cotspec build` again")
        wanted = self.payload.inputs[name]
        path = (self.folder / wanted.path).resolve()
        if not path.exists():
            source = f"written by {wanted.producer}; run `dvc repro`" if wanted.producer else "a file of the project"
            raise TaskError(f"the input `{name}` ({wanted.path}, {source}) is not there")
        return path

    def written(self, name: str) -> Path:
        """The same under the name that the spec gives it: DVC can keep a file as a link into its cache, where it has
        none. Raises TaskError."""
        self.input(name)
        return Path(os.path.normpath(self.folder / self.payload.inputs[name].path))


def load(payload: Path, settings: Path) -> Task:
    """Read both files. Raises TaskError with what is wrong and where."""
    folder = payload.resolve().parent
    task = Task(
        payload=_read(payload, Payload), settings=_read(settings, RunSettings), folder=folder, root=_root(folder)
    )
    _same_kernel(task.payload)
    _own_id(task)
    return task


def rank() -> int:
    """This process's number among those of a multi-process launch; 0 does everything that happens once."""
    return int(os.environ.get("RANK", "0"))


def _read(path: Path, kind: type[P]) -> P:
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise TaskError(f"cannot read {path.name}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise TaskError(f"{path.name}: {place}: {first['msg']} (run `cotspec build`)") from error


def _root(folder: Path) -> Path:
    """The project: the folder that holds `generated`, else the nearest with .dvc or .git, else the task's own."""
    for parent in folder.parents:
        if parent.name == "generated":
            return parent.parent
    marked = (p for p in (folder, *folder.parents) if (p / ".dvc").is_dir() or (p / ".git").exists())
    return next(marked, folder)


def _own_id(task: Task) -> None:
    """Refuse a payload that somebody edited: its results would be filed, and shared, under the id of other ones."""
    wanted = id_of(task.payload, task.folder.relative_to(task.root).as_posix())
    if task.payload.id != wanted:
        raise TaskError(
            f"payload.json says it is {task.payload.id} and what it asks for is {wanted}: it was changed by hand; "
            "change the spec and run `cotspec build`"
        )


def _same_kernel(payload: Payload) -> None:
    """Refuse a payload made for other versions of the kernel's parts: its id would promise another result."""
    for part, version in payload.kernel.items():
        here = KERNEL.get(part)
        if here != version:
            raise TaskError(
                f"payload.json was built for `{part}` {version} and this cotspec has {here}: run `cotspec build`"
            )
