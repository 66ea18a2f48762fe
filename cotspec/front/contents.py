"""Data files and model folders of the project → digests. Reads what is inside the project, a block at a time; knows
nothing of locks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import file_digest, sha256
from pathlib import Path as File

from cotspec.files import regular


class ContentError(Exception):
    """What is named has no content that can be told; the message completes `… <name>`."""


def digest(place: str, root: File) -> str:
    """`sha256:…` of a file's bytes, or of a folder's `<sha256>  <path>` lines, by path. Raises ContentError.

    In a folder, hidden files are left out: tools keep notes of their own there.
    """
    path = root / place
    try:
        if path.is_dir():
            lines = [f"{_file(file, root)}  {name}\n" for name, file in _files(path, root)]
            return f"sha256:{sha256(os.fsencode(''.join(lines))).hexdigest()}"
        return f"sha256:{_file(path, root)}"
    except OSError as error:
        raise ContentError(error.strerror or str(error)) from error


def size(place: str, root: File) -> int:
    """How many bytes `digest` would read. Raises ContentError."""
    path = root / place
    try:
        return sum(file.stat().st_size for _, file in _files(path, root)) if path.is_dir() else path.stat().st_size
    except OSError as error:
        raise ContentError(error.strerror or str(error)) from error


def _files(folder: File, root: File) -> Iterator[tuple[str, File]]:
    """Every file below a folder, with its path in it."""
    for name, file in regular.below(folder, within=(root,)).items():
        if not any(part.startswith(".") or part == "__pycache__" for part in name.split("/")):
            yield name, file


def _file(path: File, root: File) -> str:
    if not path.exists() and regular.inside(path, root):
        raise ContentError("it is not there")
    with regular.whole(path, within=(root,)) as file:
        return file_digest(file, "sha256").hexdigest()
