"""The folder of an exported model: each file as DVC recorded it, moved to its place in one rename."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import md5
from pathlib import Path
from typing import Final

from cotspec.files import regular
from cotspec.history.locks import Cache
from cotspec.history.trained import Trained
from cotspec.spec.artifact_names import ADAPTER, OPTIMIZER

_BLOCK: Final = 1 << 20
_WEIGHTS: Final = ("config.json", "generation_config.json")
"""What goes with whole weights, beside those that end on safetensors."""
Advance = Callable[[int], None]
"""Called with the number of bytes that were copied since the last call."""


class ExportError(Exception):
    """Nothing was exported; the message says why, and what to do."""


def files(trained: Trained, *, adapter: bool) -> dict[str, str]:
    """Which files are exported: by their path in the new folder, their path in the model's. Raises ExportError."""
    before = f"{ADAPTER}/"
    if not adapter:
        return {name: name for name in trained.files if not name.startswith(before) and name != OPTIMIZER}
    own = {name.removeprefix(before): name for name in trained.files if name.startswith(before)}
    if not own:
        raise ExportError("it has no adapter: the stage trains all weights, or was trained by a cotspec that kept none")
    return {name: name for name in trained.files if _beside(name)} | own


def _beside(name: str) -> bool:
    """Whether a file goes with adapters as well: the tokenizer's, and code that comes with a model."""
    whole = name in _WEIGHTS or ".safetensors" in name
    return not whole and not name.startswith(f"{ADAPTER}/")


def size(root: Path, trained: Trained, names: Mapping[str, str]) -> int:
    """How many bytes will be copied."""
    return sum(_place(root, trained, name).stat().st_size for name in names.values())


def write(
    root: Path, trained: Trained, names: Mapping[str, str], texts: Mapping[str, str], target: Path, advance: Advance
) -> bool:
    """Make `target` of files of the model and of `texts`; return False where it holds just that already. Raises
    ExportError, OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _half(target) as half:
        for name, source in names.items():
            _copy(root, trained, source, half / name, advance)
        for name, text in texts.items():
            (half / name).write_text(text, encoding="utf-8")
        if target.is_dir() and any(target.iterdir()):
            if _digests(target) == _digests(half):
                return False
            raise ExportError(f"{target} is there and holds something else: name another folder, or remove it")
        if os.path.lexists(target) and (target.is_symlink() or not target.is_dir()):
            raise ExportError(f"{target} is no folder: name another one")
        os.rename(half, target)
    return True


@contextmanager
def _half(target: Path) -> Iterator[Path]:
    """A folder beside `target`, to be renamed to it, which nobody else writes into; of one that a kill left nothing
    stays."""
    half = target.with_name(f".{target.name}.half")
    half.mkdir(exist_ok=True)
    lock = os.open(half, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for path in half.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        yield half
        shutil.rmtree(half, ignore_errors=True)
    except BlockingIOError as error:
        raise ExportError(f"another export writes to {target}: wait for its end") from error
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    finally:
        os.close(lock)  # which drops the lock


def _place(root: Path, trained: Trained, name: str) -> Path:
    """Where the content of a file lies: in its folder, or else in DVC's cache."""
    place = root / trained.folder / name
    return place if place.is_file() else Cache(root).file(trained.files[name])


def _copy(root: Path, trained: Trained, name: str, copy: Path, advance: Advance) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    digest = md5(usedforsecurity=False)
    with regular.whole(_place(root, trained, name), within=Cache(root).within) as stream, copy.open("wb") as file:
        while block := stream.read(_BLOCK):
            digest.update(block)
            file.write(block)
            advance(len(block))
    if digest.hexdigest() != trained.files[name]:
        raise ExportError(f"{trained.folder}/{name} is not what DVC recorded: `cotspec doctor` says what to do")


def _digests(folder: Path) -> dict[str, str]:
    digests: dict[str, str] = {}
    for name, path in regular.below(folder).items():
        with regular.opened(path) as file:
            digest = md5(usedforsecurity=False)
            while block := file.read(_BLOCK):
                digest.update(block)
        digests[name] = digest.hexdigest()
    return digests
