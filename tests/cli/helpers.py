"""What tests of commands share."""

from __future__ import annotations

from pathlib import Path


def files(folder: Path) -> dict[str, bytes]:
    hidden = (".git", ".cotspec")
    found = (p for p in folder.rglob("*") if p.is_file() and not any(part in hidden for part in p.parts))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
