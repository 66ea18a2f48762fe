"""The only writer of dvc.yaml, generated/ and cotspec.lock. Takes texts by path; knows nothing of specs, plans or what
texts say.

Owned is what generated/manifest.json lists (committed, path → sha256), so that whoever builds next can tell cotspec's
files from a person's. Only owned files are replaced or removed. DVC's own files (`dvc.lock`, `out/`) are left
alone in a folder that is still planned; of a folder that is not, `dvc.lock` and `.gitignore` go and `out/` stays.

A build may be killed at any moment, and DVC may read the project meanwhile. Each file is replaced by one rename, and in
an order in which what is there can be run: what nobody reads yet comes first, what leads to it later, and what is no
longer planned goes last (`_order`, docs/decisions/0019). The next build finishes what is missing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from cotspec.back.places import GENERATED, PREFLIGHT, ROOT_DVC, STAGES
from cotspec.workspace import disk
from cotspec.workspace.disk import WorkspaceError
from cotspec.workspace.manifest import MANIFEST, Changes, inspect, manifest_of_both, owned_texts

__all__ = ["MANIFEST", "Changes", "WorkspaceError", "check", "write", "write_lock"]

_DVC_FILES: Final = ("dvc.lock", ".gitignore")


def check(root: Path, texts: Mapping[str, str]) -> Changes:
    """Return what `write` would do; writes nothing. Raises WorkspaceError."""
    return inspect(root, texts)[0]


def write(root: Path, texts: Mapping[str, str], busy: Collection[str] = ()) -> Changes:
    """Bring the project to `texts` and return what was done. Raises WorkspaceError.

    Folders in `busy` are left as they are: tasks run there. A later build removes those that are not planned.
    """
    with disk.locked(root):
        changes, files = inspect(root, {**texts, **owned_texts(root, busy)})
        if changes.clean:
            return changes
        todo = sorted({*changes.missing, *changes.stale} - {MANIFEST}, key=_order)
        _refuse_unwritable(root, (*todo, *changes.leftover))
        # From here on both builds' files are owned: should this one be killed, the next removes what it does not want.
        disk.replace(root, MANIFEST, manifest_of_both(root, files))
        for path in todo:
            disk.replace(root, path, files[path])
        planned = {os.path.dirname(path) for path in files}
        left = {os.path.dirname(path) for path in changes.leftover} - planned - {"", GENERATED}
        _remove(root, changes.leftover, left)
        disk.replace(root, MANIFEST, files[MANIFEST])
        return changes


def write_lock(file: Path, text: str) -> None:
    """Replace the project's cotspec.lock, whole or not at all. Raises WorkspaceError."""
    with disk.locked(file.parent):
        disk.replace(file.parent, file.name, text.encode("utf-8"))


def _order(path: str) -> tuple[int, str, bool]:
    """The preflight and folders named by their content, which nobody refers to yet; then what refers to them (reports);
    then the root.

    In a folder dvc.yaml comes last, because DVC takes every one it finds for a stage that can be run.
    """
    folder, name = os.path.split(path)
    rank = 2 if path == ROOT_DVC else 0 if folder == PREFLIGHT or folder.startswith(f"{STAGES}/") else 1
    return rank, folder, name == ROOT_DVC


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


def _remove(root: Path, paths: Collection[str], folders: Collection[str]) -> None:
    """Remove files, dvc.yaml of a folder first, and the folders they leave if only DVC's small files are in them."""
    for path in sorted(paths, key=lambda path: (os.path.dirname(path), os.path.basename(path) != ROOT_DVC)):
        try:
            (root / path).unlink(missing_ok=True)
        except NotADirectoryError:
            continue
        except OSError as error:
            raise WorkspaceError(f"{path} cannot be removed: {error.strerror}; mend that and build again") from error
    for folder in sorted(folders, reverse=True):
        with contextlib.suppress(OSError):  # not empty: `out/`, or something a person put there
            for name in _DVC_FILES:
                (root / folder / name).unlink(missing_ok=True)
            (root / folder).rmdir()
