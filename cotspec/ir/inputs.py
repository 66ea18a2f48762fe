"""What an experiment reads that is not in its spec: the things a lock pins. Pure; knows neither the hub nor files."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from cotspec.cot.versions import KERNEL
from cotspec.diagnostics.source_map import Path, SourceMap
from cotspec.ir import defaults
from cotspec.ir.lower import ExperimentSource
from cotspec.spec.lock import HubKind, Key, is_commit
from cotspec.spec.named_files import content_paths, prompt_paths

GENERATOR: Final = f"version {KERNEL['problems']}"
"""What the lock holds for builtin data sets: the version of the kernel part that generates them."""


class Input(NamedTuple):
    """An input of an experiment: what it is, and where the spec names it."""

    key: Key
    where: Path
    content: str = ""
    """What it holds, as a lock says it; "" when only the hub or the disk can tell."""

    @property
    def on_hub(self) -> bool:
        """Whether the hub is where it comes from."""
        return len(self.key) == 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Locked:
    """A lock that was read; equal only to itself, so that what was found by it can be kept by it."""

    file: str
    """The name of the lock file in findings."""
    entries: Mapping[Key, str]
    source: SourceMap
    """Where each entry stands in the file."""


def inputs(source: ExperimentSource, digests: Mapping[str, str]) -> Iterator[Input]:
    """Every input, used by a task or only named. A revision that is a commit needs no lock, so it is none."""
    spec = source.experiment
    for name, model in spec.models.items():
        if model.hub is not None:
            yield from _hub("models", model.hub, model.revision, ("models", name))
        elif model.builtin is not None and model.builtin in digests:
            content = f"sha256:{digests[model.builtin]}"
            yield Input(key=("builtins", model.builtin), where=("models", name, "builtin"), content=content)
    for name, data in spec.data.items():
        if data.hub is not None:
            yield from _hub("data", data.hub, data.revision, ("data", name))
        elif data.builtin is not None:
            yield Input(key=("builtins", data.builtin), where=("data", name, "builtin"), content=GENERATOR)
    for path, written in content_paths(spec):
        yield Input(key=("files", _place(source, written)), where=path)
    for path, written in prompt_paths(spec):
        if written in source.prompts:
            digest = sha256(source.prompts[written].encode()).hexdigest()
            yield Input(key=("prompts", _place(source, written)), where=path, content=f"sha256:{digest}")


def _hub(kind: HubKind, id: str, revision: str | None, where: Path) -> Iterator[Input]:
    if revision is None:
        yield Input(key=(kind, id, defaults.HUB_REVISION), where=(*where, "hub"))
    elif not is_commit(revision):
        yield Input(key=(kind, id, revision), where=(*where, "revision"))


def _place(source: ExperimentSource, written: str) -> str:
    """A path as it counts from the project."""
    return posixpath.normpath(posixpath.join(source.folder, written))
