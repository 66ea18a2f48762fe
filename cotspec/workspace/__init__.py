"""The only writer of dvc.yaml, generated/ and cotspec.lock. Takes texts by path; knows nothing of specs, plans or what
texts say.

Owned is what generated/manifest.json lists (committed, path → sha256), so that whoever builds next can tell cotspec's
files from a person's. Only owned files are replaced or removed. DVC's own files (`dvc.lock`, `out/`) are left
alone in a folder that is still planned; of a folder that is not, `dvc.lock` and `.gitignore` go and `out/` stays.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cotspec.back.places import GENERATED, ROOT_DVC
from cotspec.workspace import disk, transaction
from cotspec.workspace.errors import WorkspaceError
from cotspec.workspace.look import MANIFEST, Changes, inspect

__all__ = ["MANIFEST", "Changes", "WorkspaceError", "check", "refuse_unfinished", "write", "write_lock"]


def check(root: Path, texts: Mapping[str, str]) -> Changes:
    """Return what `write` would do; writes nothing. Raises WorkspaceError."""
    refuse_unfinished(root)
    return inspect(root, texts)[0]


def refuse_unfinished(root: Path) -> None:
    """Raise WorkspaceError when a build has begun to change the project and has not come to its end."""
    if transaction.unfinished(root):
        raise WorkspaceError("a build has begun and not ended here: run `cotspec build`, which finishes it")


def write(root: Path, texts: Mapping[str, str]) -> Changes:
    """Bring the project to `texts`, whole or not at all, and return what was done. Raises WorkspaceError."""
    with disk.locked(root):
        transaction.finish(root)
        changes, files = inspect(root, texts)
        if not changes.clean:
            # What nobody reads yet comes first, and what leads to it last.
            last = [path for path in (ROOT_DVC, MANIFEST) if path in (*changes.missing, *changes.stale)]
            order = [path for path in (*changes.missing, *changes.stale) if path not in last] + last
            planned = {os.path.dirname(path) for path in files}
            left = {os.path.dirname(path) for path in changes.leftover} - planned - {"", GENERATED}
            transaction.change(root, {path: files[path] for path in order}, changes.leftover, left)
        return changes


def write_lock(file: Path, text: str) -> None:
    """Replace the project's cotspec.lock, whole or not at all. Raises WorkspaceError."""
    with disk.locked(file.parent):
        disk.replace(file, text.encode("utf-8"))
