"""The only writer of dvc.yaml, generated/ and cotspec.lock. Takes texts by path; knows nothing of specs, plans or what
texts say.

Owned is what generated/manifest.json lists (committed, path → sha256), so that whoever builds next can tell cotspec's
files from a person's. Only owned files are replaced or removed. DVC's own files (`dvc.lock`, `out/`) are left
alone in a folder that is still planned; of a folder that is not, `dvc.lock` and `.gitignore` go and `out/` stays.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final

from cotspec.back.places import GENERATED, ROOT_DVC
from cotspec.back.text import HEADER

MANIFEST: Final = f"{GENERATED}/manifest.json"
SCRATCH: Final = ".cotspec"
_DVC_FILES: Final = ("dvc.lock", ".gitignore")
_TEMPORARY: Final = ".cotspec-tmp"
_LARGEST: Final = 100_000_000
"""Bytes; a payload holds a prompt and a reward, the manifest a line per file."""
_UNKNOWN: Final = "unknown"
"""In place of a digest while a build is under way."""


class WorkspaceError(RuntimeError):
    """The project is in a state in which nothing may be written; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a build does, or with `--check` would do. Paths are relative to the project, sorted."""

    missing: tuple[str, ...]
    """Planned and not there."""
    stale: tuple[str, ...]
    """Planned and there with another content."""
    leftover: tuple[str, ...]
    """Owned and no longer planned."""
    unchanged: tuple[str, ...]
    """Planned and there as they should be."""
    edited: tuple[str, ...]
    """Those of `stale` and `leftover` that somebody changed by hand since the last build."""

    @property
    def clean(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.missing or self.stale or self.leftover)

    @property
    def written(self) -> int:
        """How many files a build writes."""
        return len(self.missing) + len(self.stale)


@dataclass(frozen=True, kw_only=True)
class _Inspection:
    changes: Changes
    files: dict[str, bytes]
    owned: dict[str, str]


def check(root: Path, texts: Mapping[str, str]) -> Changes:
    """Return what `write` would do; writes nothing. Raises WorkspaceError."""
    return _inspect(root, texts).changes


def write(root: Path, texts: Mapping[str, str]) -> Changes:
    """Bring the project to `texts` and return what was done. Raises WorkspaceError before anything is written."""
    with _lock(root):
        found = _inspect(root, texts)
        if found.changes.clean:
            return found.changes
        # A build that is killed half-way must neither forget what it owns nor take its own files for a person's edits:
        # first old and new together, marked as unfinished; at the end what is planned alone.
        _replace(root / MANIFEST, _manifest({**_digests(found.files), **dict.fromkeys(found.owned, _UNKNOWN)}))
        for path in (*found.changes.missing, *found.changes.stale):
            if path != MANIFEST:
                _replace(root / path, found.files[path])
        planned = {str(PurePosixPath(path).parent) for path in found.files}
        for path in found.changes.leftover:
            _remove(root, path, planned=planned)
        _replace(root / MANIFEST, found.files[MANIFEST])
        return found.changes


def write_lock(file: Path, text: str) -> None:
    """Replace the project's cotspec.lock, whole or not at all. Raises WorkspaceError."""
    with _lock(file.parent):
        _replace(file, text.encode("utf-8"))


# --- looking ----------------------------------------------------------------------------------------------------------


def _inspect(root: Path, texts: Mapping[str, str]) -> _Inspection:
    files = {path: text.encode("utf-8") for path, text in texts.items()}
    owned = _owned(root)
    files[MANIFEST] = _manifest(_digests(files))
    paths = sorted({*files, *owned})
    _refuse_links(root, paths)
    on_disk = {path: _read(root, path) for path in paths}
    _refuse_foreign_root(on_disk.get(ROOT_DVC), owned)
    stale = [path for path in files if on_disk[path] not in (None, files[path])]
    leftover = [path for path in owned if path not in files and on_disk[path] is not None]
    changes = Changes(
        missing=_sorted(path for path in files if on_disk[path] is None),
        stale=_sorted(stale),
        leftover=_sorted(leftover),
        unchanged=_sorted(path for path in files if on_disk[path] == files[path]),
        edited=_sorted(path for path in (*stale, *leftover) if _edited(path, on_disk[path], owned)),
    )
    return _Inspection(changes=changes, files=files, owned=owned)


def _sorted(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(paths))


def _edited(path: str, content: bytes | None, owned: Mapping[str, str]) -> bool:
    return path != MANIFEST and content is not None and owned.get(path) not in (_digest(content), _UNKNOWN)


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: _digest(content) for path, content in files.items() if path != MANIFEST}


def _manifest(digests: Mapping[str, str]) -> bytes:
    return (json.dumps({"cotspec": 1, "files": digests}, indent=2, sort_keys=True) + "\n").encode()


def _owned(root: Path) -> dict[str, str]:
    """sha256 by path of the files of the last build."""
    content = _read(root, MANIFEST)
    if content is None:
        return {}
    owned = _both_sides(content) if content.count(b"\n<<<<<<< ") else _listed(content)
    for path in owned:
        _refuse_outside(path)
    return owned


def _listed(content: bytes) -> dict[str, str]:
    try:
        files = json.loads(content)["files"]
        return {str(path): str(digest) for path, digest in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkspaceError(
            f"{MANIFEST} cannot be read: restore it (`git checkout -- {MANIFEST}`) and build again"
        ) from error


def _both_sides(content: bytes) -> dict[str, str]:
    """What either branch of a merge conflict made, so that a build after a merge leaves no stage of theirs behind."""
    return dict.fromkeys(
        re.findall(r'^ *"([^"\\]+)": "[0-9a-f]{64}",?$', content.decode(errors="replace"), re.MULTILINE), _UNKNOWN
    )


def _refuse_outside(path: str) -> None:
    """The manifest is a file like any other: whoever can write it must not choose what is removed elsewhere."""
    parts = PurePosixPath(path).parts
    inside = len(parts) > 1 and parts[0] == GENERATED and ".." not in parts and "\0" not in path
    if path != ROOT_DVC and not inside:
        raise WorkspaceError(f"{MANIFEST} lists `{path}`, which is not cotspec's: delete the manifest and build again")


def _refuse_foreign_root(content: bytes | None, owned: Mapping[str, str]) -> None:
    if content is not None and ROOT_DVC not in owned and not content.startswith(HEADER.encode()):
        raise WorkspaceError(
            f"{ROOT_DVC} is there and was not made by cotspec: move its stages into a folder of their own "
            f"(DVC finds every dvc.yaml below the project) and build again"
        )


def _refuse_links(root: Path, paths: Iterable[str]) -> None:
    """No folder on the way to a file is a link. Looked at folder by folder: there are five files in each."""
    top = os.path.realpath(root)
    for folder, path in {os.path.dirname(path): path for path in paths}.items():
        if os.path.realpath(root / folder) != os.path.normpath(f"{top}/{folder}"):
            raise WorkspaceError(f"{path} goes through a symbolic link: remove the link, or build where it leads")


def _read(root: Path, path: str) -> bytes | None:
    """The content, or None when there is no such file."""
    target = root / path
    try:
        about = target.lstat()
        if stat.S_ISLNK(about.st_mode):
            return b""  # never what is planned: the link itself is replaced, what it points to is left alone
        if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):  # reading a pipe would never end
            raise WorkspaceError(f"{path} is no regular file, and cotspec writes one there: remove it")
        if about.st_size > _LARGEST:
            raise WorkspaceError(f"{path} has {about.st_size:,} bytes, and cotspec writes no such file: remove it")
        return target.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError as error:
        raise WorkspaceError(f"{path} is a folder and cotspec writes a file there: move it away") from error
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read: {error.strerror}") from error


# --- writing ----------------------------------------------------------------------------------------------------------


def _replace(target: Path, content: bytes) -> None:
    """Write through a temporary file, so that nobody sees half of one; a symbolic link is replaced, not followed."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(target.name + _TEMPORARY)
        temporary.unlink(missing_ok=True)
        temporary.write_bytes(content)
        temporary.replace(target)
    except OSError as error:
        raise WorkspaceError(f"{target.name} cannot be written in {target.parent}: {error.strerror}") from error


def _remove(root: Path, path: str, *, planned: Collection[str]) -> None:
    target = root / path
    try:
        target.unlink(missing_ok=True)
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be removed: {error.strerror}") from error
    folder = str(PurePosixPath(path).parent)
    if not folder.startswith(f"{GENERATED}/") or folder in planned:
        return
    with contextlib.suppress(OSError):  # not empty: `out/`, or something a person put there
        for name in _DVC_FILES:
            (target.parent / name).unlink(missing_ok=True)
        target.parent.rmdir()


@contextlib.contextmanager
def _lock(root: Path) -> Iterator[None]:
    """Hold the project's build lock; the kernel drops it when the process ends, however it ends."""
    import fcntl

    folder = root / SCRATCH
    try:
        if folder.is_symlink():
            raise WorkspaceError(f"{SCRATCH} is a symbolic link, and a build writes there: remove it")
        folder.mkdir(exist_ok=True)
        ignore = folder / ".gitignore"
        if not os.path.lexists(ignore):
            ignore.write_text("*\n", encoding="utf-8")  # nobody commits this folder, whatever the project ignores
        descriptor = os.open(folder / "build.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise WorkspaceError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise WorkspaceError("another `cotspec build` is running in this project: wait for it to end") from error
    try:
        yield
    finally:
        os.close(descriptor)
