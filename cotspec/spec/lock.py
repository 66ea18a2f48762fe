"""What stands in cotspec.lock: commits of revisions on the hub, contents of local things. Knows its shape; neither who
asks the hub nor where the file lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from cotspec.spec.base import Part, Text

LOCK_FILE: Final = "cotspec.lock"
FORMAT: Final = 1
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")

HubKind = Literal["models", "data"]
Key = tuple[str, ...]
"""What an entry is about: ("models" or "data", id on the hub, revision that is wanted), or (a section, a name)."""


def is_commit(revision: str) -> bool:
    """Whether a revision is a commit's full hash: nothing that could be moved."""
    return _COMMIT.fullmatch(revision) is not None


def pinned(locked: Mapping[Key, str], kind: HubKind, id: str, revision: str) -> str:
    """The commit that a revision is locked at, or else the revision; what is a commit already is no lock's business."""
    return revision if is_commit(revision) else locked.get((kind, id, revision), revision)


Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Hub = dict[Text, dict[Text, Commit]]


class Lock(Part):
    """The file `cotspec.lock`."""

    lock: Literal[1]
    """Version of the format."""
    models: Hub = {}
    """Commit of a model of the hub, by its id and the revision that is wanted."""
    data: Hub = {}
    """The same of a data set."""
    builtins: dict[Text, Text] = {}
    """Digest of a model that comes with cotspec, version of a generator."""
    files: dict[Text, Digest] = {}
    """Content of data files and model folders of the project, by path."""
    prompts: dict[Text, Digest] = {}
    """Text of prompt files, by path; it does not depend on how lines end."""


def flat(lock: Lock) -> dict[Key, str]:
    """The entries of a lock by what they are about."""
    return dict(_flat(lock.model_dump(exclude={"lock"}), ()))


def _flat(group: Mapping[str, object], key: Key) -> Iterator[tuple[Key, str]]:
    for name, value in group.items():
        if isinstance(value, Mapping):
            yield from _flat(value, (*key, name))
        else:
            yield (*key, name), str(value)
