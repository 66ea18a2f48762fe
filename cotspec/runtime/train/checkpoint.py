"""Checkpoints that a killed run goes on from: marked when they are whole, and taken only when every byte is as written.

A flipped byte, a cut file or a lost optimizer state would train on to other weights and end with exit 0.
"""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path
from typing import Final

from cotspec.files import plain
from cotspec.runtime.progress import say
from cotspec.runtime.task import rank

MARK: Final = "complete"
"""Written last: size and CRC-32 of each file of the checkpoint. A check against accidents, not against forgers."""
_BLOCK: Final = 1 << 22


def mark(folder: Path) -> None:
    """Say that a checkpoint was written to its end."""
    half = folder / f"{MARK}.half"
    half.write_text(json.dumps(_digests(folder)), encoding="utf-8")
    half.replace(folder / MARK)


def whole(folder: Path) -> bool:
    """Whether a checkpoint is marked and as it was when it was marked."""
    told = plain.json_object(folder / MARK)
    try:
        return bool(told) and told == _digests(folder)
    except OSError:  # the first process removes it while another looks
        return False


def latest(folder: Path) -> Path | None:
    """The newest whole checkpoint of a run; the first process removes the others after it, and says so."""
    for path in sorted(folder.glob("checkpoint-*"), key=lambda p: int(p.name.rpartition("-")[2]), reverse=True):
        if whole(path):
            return path
        if rank() == 0:
            if (path / MARK).exists():
                say(f"{path.name} was damaged after it was written: it is not resumed from")
            shutil.rmtree(path)
    return None


def _digests(folder: Path) -> dict[str, list[int]]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(MARK))
    return {path.relative_to(folder).as_posix(): [path.stat().st_size, _crc(path)] for path in files}


def _crc(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            value = zlib.crc32(block, value)
    return value
