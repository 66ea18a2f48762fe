"""The project as a git revision has it, in a folder of its own that is gone afterwards. Knows git; not specs.

Files are read from git's own store: no filter, hook or attribute of the repository counts, and the work tree and the
index are left alone. Large files and what cotspec generates are left out, since no spec can name them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cotspec.cli.errors import ProblemError

_LARGEST: Final = 1_000_000
_LINK: Final = "120000"
_FILES: Final = ("100644", "100755", _LINK)


_ALONE: Final = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", "GIT_OPTIONAL_LOCKS": "0"}
"""A partial clone would fetch what it lacks, by a command that its own configuration names: git does not talk to anyone
here, and says what it lacks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Blob:
    mode: str
    id: str
    path: str


@contextlib.contextmanager
def exported(root: Path, revision: str) -> Iterator[Path]:
    """A folder with the files of `revision`, below which `root` is the project. Raises ProblemError."""
    prefix = _git(root, "rev-parse", "--show-prefix").decode().strip()
    commit = _commit(root, revision)
    with tempfile.TemporaryDirectory(prefix="cotspec-") as name:
        folder = Path(name).resolve()
        (folder / ".git").mkdir()  # the sign of a project
        blobs = [blob for blob in _blobs(root, commit) if not blob.path.startswith(f"{prefix}generated/")]
        for blob, content in zip(blobs, _contents(root, blobs), strict=True):
            _write(folder, blob, content)
        place = folder / prefix
        if not place.is_dir():
            raise ProblemError(f"{revision} has no folder {prefix}")
        yield place


def _commit(root: Path, revision: str) -> str:
    if revision.startswith("-"):
        raise ProblemError(f"`{revision}` is no revision")
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
    except ProblemError as error:
        raise ProblemError(f"git knows no revision `{revision}`") from error


def _blobs(root: Path, commit: str) -> Iterator[_Blob]:
    listing = _git(root, "ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    for line in filter(None, listing.decode(errors="surrogateescape").split("\0")):
        about, _, path = line.partition("\t")
        mode, kind, blob, size = about.split()
        if kind == "blob" and mode in _FILES and int(size) <= _LARGEST:
            yield _Blob(mode=mode, id=blob, path=path)


def _contents(root: Path, blobs: Sequence[_Blob]) -> Iterator[bytes]:
    wanted = "".join(f"{blob.id}\n" for blob in blobs).encode()
    stream = _git(root, "cat-file", "--batch", given=wanted)
    at = 0
    for _ in blobs:
        end = stream.index(b"\n", at)
        size = int(stream[at:end].split()[2])
        yield stream[end + 1 : end + 1 + size]
        at = end + 1 + size + 1


def _write(folder: Path, blob: _Blob, content: bytes) -> None:
    target = folder / blob.path
    inside = Path(os.path.realpath(target.parent)).is_relative_to(folder)  # a link above it may lead elsewhere
    if not inside or ".git" in Path(blob.path).parts:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if blob.mode == _LINK:
        target.symlink_to(os.fsdecode(content))
    else:
        target.write_bytes(content)


def _git(root: Path, *arguments: str, given: bytes | None = None) -> bytes:
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - the user's own git
            command, input=given, capture_output=True, check=False, env={**os.environ, **_ALONE}
        )
    except FileNotFoundError as error:
        raise ProblemError("git is not installed") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise ProblemError(f"git {arguments[0]} failed: {said or 'this is no git repository'}")
    return done.stdout
