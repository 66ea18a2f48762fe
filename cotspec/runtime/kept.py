"""A finished result that DVC has not recorded yet: kept in the task's scratch, taken by the next run, swept then.

DVC removes `out/` before a run and commits it afterwards. A kill, or a full disk, between the end of a task and that
commit would throw a finished training away. Files are linked and not copied, so a model is on the disk once.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Final

from cotspec.files import plain
from cotspec.runtime import scratch
from cotspec.runtime.errors import TaskError
from cotspec.spec.artifact_names import folder_digest

_FILES: Final = "kept"
_SWEPT: Final = ".swept"
_MARK: Final = "kept.json"
"""Written last: md5 by path. Without it the result is not whole."""


def keep(work: Path, result: Path) -> None:
    """Make `result` the kept one, and drop all else of the scratch but its lock."""
    digests = scratch.digests(result)
    shutil.rmtree(work / _FILES, ignore_errors=True)
    os.replace(result, work / _FILES)
    half = work / f"{_MARK}.half"
    half.write_text(json.dumps(digests), encoding="utf-8")
    half.replace(work / _MARK)
    for path in work.iterdir():
        if path.name not in (_FILES, _MARK, "lock"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def whole(work: Path) -> bool:
    """Whether a result is kept, and every byte of it is as it was written."""
    digests = _digests(work)
    return bool(digests) and digests == scratch.digests(work / _FILES)


def publish(work: Path, out: Path) -> None:
    """Make the kept result the task's out/ in one rename: out/ is never half there."""
    new = scratch.fresh(work / "publish")
    for path in _paths(work / _FILES):
        (new / path).parent.mkdir(parents=True, exist_ok=True)
        _link(work / _FILES / path, new / path)
    if out.exists():  # a rerun by hand; DVC removes it before
        shutil.rmtree(out)
    os.replace(new, out)


def sweep(root: Path) -> None:
    """Remove the results that a dvc.lock names: DVC has them in its cache. Tasks that start side by side all do."""
    for old in scratch.folder(root).glob(f"*{_SWEPT}"):  # of a task that was killed while it swept
        shutil.rmtree(old, ignore_errors=True)
    for mark in scratch.folder(root).glob(f"*/{_MARK}"):
        work = mark.parent
        task = work.name.rpartition("-")[0]
        name = f"md5: {folder_digest(_digests(work))}\n"
        locks = [*root.glob(f"generated/stages/{task}/dvc.lock"), *root.glob("generated/reports/*/dvc.lock")]
        if any(name in _text(lock) for lock in locks):
            _drop(work)


def _text(lock: Path) -> str:
    try:
        return lock.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:  # a build removed it meanwhile
        return ""


def _drop(work: Path) -> None:
    """Remove a scratch that nobody works in. It goes under another name first: half a one is never seen."""
    gone = work.with_name(f"{work.name}.{os.getpid()}{_SWEPT}")
    try:
        with scratch.locked(work):
            os.replace(work, gone)
    except TaskError:  # somebody works there
        return
    shutil.rmtree(gone, ignore_errors=True)


def _digests(work: Path) -> dict[str, str]:
    return {path: str(md5) for path, md5 in plain.json_object(work / _MARK).items()}


def _paths(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
