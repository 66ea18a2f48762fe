"""Data files and model folders of the project → digests. Reads what is inside the project, a block at a time; knows
nothing of locks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import file_digest, sha256
from pathlib import Path as File

from cotspec.front.paths import inside


class ContentError(Exception):
    """What is named has no content that can be told; the message completes `… <name>`."""


def digest(place: str, root: File) -> str:
    """`sha256:…` of a file's bytes, or of a folder's `<sha256>  <path>` lines, by path. Raises ContentError.

    In a folder, hidden files are left out: tools keep notes of their own there.
    """
    path = root / place
    try:
        if path.is_dir():
            lines = [f"{_file(file, root)}  {name}\n" for name, file in sorted(_files(path))]
            return f"sha256:{sha256(''.join(lines).encode()).hexdigest()}"
        return f"sha256:{_file(path, root)}"
    except OSError as error:
        raise ContentError(error.strerror or str(error)) from error


def size(place: str, root: File) -> int:
    """How many bytes `digest` would read. Raises ContentError."""
    path = root / place
    try:
        return sum(file.stat().st_size for _, file in _files(path)) if path.is_dir() else path.stat().st_size
    except OSError as error:
        raise ContentError(error.strerror or str(error)) from error


def _files(folder: File) -> Iterator[tuple[str, File]]:
    """Every file below a folder, with its path in it."""
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        for name in names:
            if not name.startswith("."):
                file = File(here) / name
                yield file.relative_to(folder).as_posix(), file


def _file(path: File, root: File) -> str:
    if not inside(path, root):
        raise ContentError("it leads out of the project through a link")
    if not path.exists():
        raise ContentError("it is not there")
    if not path.is_file():
        raise ContentError("it is not a regular file")
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
