"""Many files at once: the old tree or the new one, never a mix of both.

All that changes is first written beside the project, in `.cotspec/build/`: a build that ends there, however it ends,
has changed nothing. One rename makes the journal, `.cotspec/build.json`: from then on the tree is to be the new one.
Then the files are moved to their places and what is no longer planned is removed. A process of its own does both, so
that a build that is killed in these moments leaves the new tree; Ctrl-C and SIGTERM are held back until all is done.
Only when that process is killed too (loss of power, the end of a container) the journal stays: the next build first
finishes what it says, and until then no stage of the pipeline starts (back/templates/launch-head.sh.jinja).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cotspec.back.places import UNFINISHED
from cotspec.workspace import apart, disk
from cotspec.workspace.errors import WorkspaceError
from cotspec.workspace.look import refuse_outside

_STAGED: Final = f"{disk.SCRATCH}/build"
_DVC_FILES: Final = ("dvc.lock", ".gitignore")
_HELD_BACK: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def unfinished(root: Path) -> bool:
    """Whether a build is between its commit and its end, be it running or killed."""
    return os.path.lexists(root / UNFINISHED)


@dataclass(frozen=True, kw_only=True)
class _Change:
    """What the journal says."""

    put: list[str]
    """Files to move to their places, in this order."""
    drop: list[str]
    """Files to remove."""
    prune: list[str]
    """Folders to remove afterwards, if nothing but DVC's small files is left in them."""


def change(root: Path, put: Mapping[str, bytes], drop: Collection[str], prune: Collection[str]) -> None:
    """Write `put` in its order, remove `drop` and the folders `prune`, all or nothing. Needs the build lock.

    Of a folder to prune, `out/` and what a person put there stay. Raises WorkspaceError.
    """
    todo = _Change(put=list(put), drop=sorted(drop), prune=sorted(prune, reverse=True))
    _refuse_unwritable(root, (*todo.put, *todo.drop))
    try:
        _stage(root, put)
        with _undisturbed():
            apart.run(lambda: _commit(root, todo))
    except BaseException:
        if not unfinished(root):
            _clear(root)
        raise


def finish(root: Path) -> None:
    """Carry out what a build that was killed had begun, and clear what it left. Needs the build lock."""
    content = disk.read(root, UNFINISHED)
    if content is None:
        _clear(root)
        return
    todo = _read(content)
    refuse_outside((*todo.put, *todo.drop, *todo.prune), named_by=UNFINISHED)
    staged = (f"{_STAGED}/{path}" for path in todo.put)
    inside_pruned = (f"{folder}/{name}" for folder in todo.prune for name in _DVC_FILES)
    disk.refuse_links(root, (*todo.put, *todo.drop, *staged, *inside_pruned))
    with _undisturbed():
        apart.run(lambda: _carry_out(root, todo))


def _read(content: bytes) -> _Change:
    try:
        journal = {name: [str(path) for path in paths] for name, paths in json.loads(content).items()}
        return _Change(**journal)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise WorkspaceError(f"{UNFINISHED} cannot be read: delete it and build again") from error


# --- before the commit ------------------------------------------------------------------------------------------------


def _refuse_unwritable(root: Path, paths: Iterable[str]) -> None:
    """Found out before anything is changed: half a build would be the worst answer to a folder of somebody else's."""
    for folder in dict.fromkeys(os.path.dirname(path) for path in paths):
        there = folder
        while not os.path.lexists(root / there):
            there = os.path.dirname(there)
        if not (root / there).is_dir():
            raise WorkspaceError(f"{there} is a file, and cotspec writes into a folder of that name: move it away")
        if not os.access(root / there, os.W_OK | os.X_OK):
            raise WorkspaceError(f"{root / there} cannot be written: Permission denied")


def _stage(root: Path, put: Mapping[str, bytes]) -> None:
    _clear(root)
    made = set[str]()
    for path, content in put.items():
        staged = root / _STAGED / path
        folder = os.path.dirname(path)
        try:
            if folder not in made:
                staged.parent.mkdir(parents=True, exist_ok=True)
                made.add(folder)
            staged.write_bytes(content)
        except OSError as error:
            raise WorkspaceError(f"{_STAGED}/{path} cannot be written: {error.strerror}") from error


def _clear(root: Path) -> None:
    staged = root / _STAGED
    try:
        if staged.is_symlink() or staged.is_file():
            staged.unlink()
        elif staged.exists():
            shutil.rmtree(staged)
    except OSError as error:
        raise WorkspaceError(f"{_STAGED} cannot be removed: {error.strerror}") from error


# --- the commit, and what follows -------------------------------------------------------------------------------------


def _commit(root: Path, todo: _Change) -> None:
    disk.replace(root / UNFINISHED, (json.dumps(asdict(todo), indent=2) + "\n").encode())
    _carry_out(root, todo)


def _carry_out(root: Path, todo: _Change) -> None:
    """What has been done already is passed over, so that this can be begun again."""
    there = {""}
    for path in todo.put:
        _move(root, path, there)
    for path in todo.drop:
        _remove(root, path)
    for folder in todo.prune:
        _prune(root / folder)
    try:
        (root / UNFINISHED).unlink(missing_ok=True)
    except OSError as error:
        raise WorkspaceError(f"{UNFINISHED} cannot be removed: {error.strerror}") from error
    _clear(root)


def _move(root: Path, path: str, there: set[str]) -> None:
    """Move a staged file to its place, or with it the topmost folder that is not there yet: one rename for many files.

    `there` are folders that are known to stand.
    """
    moved = _topmost_missing(root, os.path.dirname(path), there) or path
    if not os.path.lexists(root / _STAGED / moved):
        return
    try:
        os.rename(root / _STAGED / moved, root / moved)
    except OSError as error:
        raise WorkspaceError(_half_done(f"{path} cannot be written: {error.strerror}")) from error


def _topmost_missing(root: Path, folder: str, there: set[str]) -> str:
    if folder in there:
        return ""
    if above := _topmost_missing(root, os.path.dirname(folder), there):
        return above
    if not os.path.lexists(root / folder):
        return folder
    there.add(folder)
    return ""


def _remove(root: Path, path: str) -> None:
    try:
        (root / path).unlink(missing_ok=True)
    except NotADirectoryError:
        return
    except OSError as error:
        raise WorkspaceError(_half_done(f"{path} cannot be removed: {error.strerror}")) from error


def _prune(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not empty: `out/`, or something a person put there
        for name in _DVC_FILES:
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()


def _half_done(what: str) -> str:
    return f"{what}; mend that and run `cotspec build`, which finishes what was begun"


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold signals back that would end the process; they are delivered afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
