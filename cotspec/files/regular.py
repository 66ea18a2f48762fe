"""Files and folders that are what they should be: regular, of bounded size, in a place that may be read.

Links are followed, since DVC can keep results as links into its cache and the hub's client keeps models so; with
`within`, only to an end in one of these folders.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Final

LARGEST: Final = 1 << 30
"""Bytes of a file that is read whole."""
MOST_FILES: Final = 100_000
"""Files of a folder that is looked through."""


def opened(path: Path, *, within: tuple[Path, ...] = ()) -> BufferedReader:
    """Open a regular file for reading. Raises OSError for everything else, without waiting."""
    try:
        if within:
            os.lstat(path)  # most files that are asked for are not there: where links lead takes ten times as long
            if not any(inside(path, folder) for folder in within):
                raise OSError(errno.EXDEV, "it leads out of the project", os.fspath(path))
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except ValueError as error:  # a NUL, or half a character, in the name
        raise OSError(errno.EINVAL, "its name is no file name", os.fspath(path)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))
    return os.fdopen(descriptor, "rb")


def whole(path: Path, *, within: tuple[Path, ...] = ()) -> BufferedReader:
    """Open a regular file that will be read to its end, however long it is. Raises OSError, also for one of holes: a
    terabyte of them takes no room in an archive, and half an hour to read."""
    file = opened(path, within=within)
    about = os.fstat(file.fileno())
    if about.st_size > LARGEST and about.st_blocks * 512 < about.st_size // 1000:
        file.close()
        raise OSError(errno.EFBIG, "nothing was written of most of it", os.fspath(path))
    return file


def content(path: Path, *, most: int = LARGEST, within: tuple[Path, ...] = ()) -> bytes:
    """The content of a regular file. Raises OSError, also when it is larger than `most`."""
    with opened(path, within=within) as file:
        return bounded(file, path, most=most)


def given(path: Path, *, most: int = LARGEST) -> bytes:
    """The content of a file that a person named on the command line, which may be a pipe. Raises OSError, also when
    more comes out of it than `most`."""
    with path.open("rb") as file:
        return bounded(file, path, most=most)


def bounded(file: BinaryIO, name: Path, *, most: int) -> bytes:
    """The rest of an open file. Raises OSError when it is longer."""
    read = file.read(most + 1)
    if len(read) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", os.fspath(name))
    return read


def below(folder: Path, *, within: tuple[Path, ...] = ()) -> dict[str, Path]:
    """What is in a folder and all folders in it, by path, sorted; a link to a folder is not gone into.

    Raises OSError for a folder that leads out, or that holds more than anybody's result.
    """
    if within and not any(inside(folder, place) for place in within):
        raise OSError(errno.EXDEV, "it leads out of the project", os.fspath(folder))
    files: dict[str, Path] = {}
    for here, _, names in os.walk(folder):
        files.update((os.path.relpath(f"{here}/{name}", folder), Path(here, name)) for name in names)
        if len(files) > MOST_FILES:
            raise OSError(errno.EFBIG, f"it holds more than {MOST_FILES:,} files", os.fspath(folder))
    return dict(sorted(files.items()))


def check(folder: Path) -> None:
    """Raise OSError, which names the file, for a folder that holds anything but folders and regular files: libraries
    read a model's files without looking."""
    for path in below(folder).values():
        opened(path).close()


def folders(folder: Path) -> list[Path]:
    """The folders in a folder that are no links, sorted; none where they cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except (OSError, ValueError):
        return []


def lines(file: BinaryIO, *, longest: int) -> Iterator[bytes]:
    """The lines of an open file, with their ends. Raises ValueError for one that is longer."""
    for number, line in enumerate(iter(lambda: file.readline(longest + 1), b""), 1):
        if len(line) > longest:
            raise ValueError(f"line {number} has more than {longest:,} bytes")
        yield line


def inside(path: Path, root: Path) -> bool:
    """Whether a path lies in a folder as it is written, and still does when links are followed."""
    return parts_below(path, root) is not None


def parts_below(path: Path, root: Path) -> tuple[list[str], list[str]] | None:
    """The parts of a path below a folder, as it is written and with links followed; None when it leads out."""
    try:  # realpath and not Path.resolve, which raises for links that go round in a circle
        written = _parts(os.path.abspath(path), os.path.abspath(root))
        followed = _parts(os.path.realpath(path), os.path.realpath(root))
    except ValueError:  # a NUL in the name
        return None
    return None if written is None or followed is None else (written, followed)


def inside_as_written(path: Path, root: Path) -> bool:
    """Whether a path lies below a folder as it is written, wherever its links lead."""
    return _parts(os.path.abspath(path), os.path.abspath(root)) is not None


def _parts(path: str, top: str) -> list[str] | None:
    below = path.removeprefix(top.rstrip("/"))
    return below.split("/")[1:] if below[:1] in ("", "/") and path.startswith(top) else None
