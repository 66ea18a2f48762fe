"""What a person names as the place of a model or a data set → the folder that holds its files.

That is the folder itself, or a cache as the hub's client lays it out: all of it (`hub/`), the folder of one repository
in it (`models--owner--name`), or its `snapshots`. Links are followed, since such a cache is made of links.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, Literal

from cotspec.files import regular

Kind = Literal["models", "data"]
_PREFIX: Final = {"models": "models--", "data": "datasets--"}
_LEAF: Final = re.compile(r"[\w-]+(?:[./][\w-]+)*")
"""A branch, tag or commit: names with single dots and slashes between them."""
_LISTED: Final = 3


class SnapshotError(ValueError):
    """A cache without the files that are wanted; the message completes `<folder>`."""


def resolved(place: Path, kind: Kind, id: str, revision: str) -> Path:
    """The folder with the files of a revision. Raises SnapshotError for a cache that has it not; a folder that is no
    cache is the one that is meant, whatever is in it."""
    repository = _repository(place, _PREFIX[kind] + id.replace("/", "--"))
    if repository is None:
        return place
    snapshots, wanted = repository / "snapshots", commit(repository, revision)
    if wanted and os.path.isdir(snapshots / wanted):
        return snapshots / wanted
    there = [path.name for path in regular.folders(snapshots)]
    if len(there) == 1 and wanted == revision and not os.path.isdir(repository / "refs"):
        return snapshots / there[0]  # a cache that was copied without the names of its commits
    named = ", ".join(there[:_LISTED]) + (" and more" if len(there) > _LISTED else "")
    raise SnapshotError(f"has no snapshot of {revision}" + (f"; there is {named}" if there else ""))


def _repository(place: Path, name: str) -> Path | None:
    """The folder of a repository in a cache; None for what is no cache."""
    if place.name == "snapshots":
        place = place.parent
    for folder in (place, place / name, place / "hub" / name):
        if os.path.isdir(folder / "snapshots") and not os.path.isfile(folder / "config.json"):
            return folder
    return None


def commit(repository: Path, revision: str) -> str:
    """The commit that a cache has under a revision, else the revision itself; "" for one that is a way out of it."""
    if not _LEAF.fullmatch(revision):
        return ""
    try:
        told = regular.content(repository / "refs" / revision, most=1000).decode("utf-8").strip()
    except (OSError, ValueError):
        return revision
    return told if _LEAF.fullmatch(told) else ""
