"""Removing results, and the work of tasks, that somebody has found to be of no use (cotspec.history.unneeded)."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

from cotspec.back.places import GENERATED, OUT
from cotspec.workspace import disk
from cotspec.workspace.disk import SCRATCH, WorkspaceError
from cotspec.workspace.manifest import refuse_outside

_BESIDE: Final = ("last-run.json", "provenance.json", "dvc.lock", ".gitignore")
"""What a task and DVC leave in the folder, too."""


def remove_result(root: Path, folder: str) -> None:
    """Remove the result in a folder of `generated/`, and the folder where nothing of somebody else's is in it. The
    result goes under another name first: half of one is never seen. Raises WorkspaceError."""
    refuse_outside([f"{folder}/{OUT}"], named_by=GENERATED)
    with disk.locked(root):
        disk.refuse_links(root, [f"{folder}/{OUT}"])
        _remove(root / folder / OUT)
        with contextlib.suppress(OSError):  # something a person put there
            for name in _BESIDE:
                (root / folder / name).unlink(missing_ok=True)
            (root / folder).rmdir()


def remove_work(root: Path, folder: str) -> None:
    """Remove the unfinished work of a task. Raises WorkspaceError."""
    parts = Path(folder).parts
    if parts[:2] != (SCRATCH, "scratch") or len(parts) != 3 or ".." in parts:
        raise WorkspaceError(f"`{folder}` is no work of a task")
    disk.refuse_links(root, [f"{folder}/file"])
    _remove(root / folder)


def _remove(folder: Path) -> None:
    gone = folder.with_name(f".{folder.name}.removed")
    try:
        shutil.rmtree(gone, ignore_errors=True)
        os.replace(folder, gone)
        shutil.rmtree(gone)
    except OSError as error:
        raise WorkspaceError(f"{error.filename or folder} cannot be removed: {error.strerror}") from error
