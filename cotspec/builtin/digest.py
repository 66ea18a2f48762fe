"""Digests of the builtin models: sha256 over each model's files, kept in manifest.json and part of the identity of
every task that uses the model. Knows nothing of what the files hold.

`python -m cotspec.builtin.digest` verifies, `--write` writes the manifest anew (after training the models again).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

MODELS: Final = Path(__file__).parent / "models"
MANIFEST: Final = Path(__file__).parent / "manifest.json"
_IGNORED: Final = frozenset({"__pycache__", ".DS_Store", ".gitignore"})


def folder_digest(folder: Path) -> str:
    """sha256 (64 hex digits) over the sorted `<sha256 of file>  <relative path>` lines of all files below `folder`."""
    lines = [
        f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in folder.rglob("*")
        if path.is_file() and not _IGNORED.intersection(path.relative_to(folder).parts)
    ]
    return sha256("".join(sorted(lines, key=lambda line: line[66:])).encode()).hexdigest()


def manifest(path: Path = MANIFEST) -> Mapping[str, str]:
    """Digests by model name as the manifest has them; empty without a manifest."""
    if not path.exists():
        return {}
    digests: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return digests


def compute(models: Path = MODELS) -> dict[str, str]:
    """Digests by model name, computed from the files."""
    if not models.is_dir():
        return {}
    return {folder.name: folder_digest(folder) for folder in sorted(models.iterdir()) if _is_model(folder)}


def _is_model(folder: Path) -> bool:
    return folder.is_dir() and (folder / "config.json").is_file()


def problems(*, models: Path = MODELS, path: Path = MANIFEST) -> list[str]:
    """What is wrong, a sentence each; empty when the files are those of the manifest."""
    wanted, present = manifest(path), compute(models)
    missing = [f"{name} is in the manifest and not there" for name in sorted(wanted.keys() - present.keys())]
    extra = [f"{name} is not in the manifest" for name in sorted(present.keys() - wanted.keys())]
    changed = [
        f"the files of {name} are not those of the manifest"
        for name in sorted(wanted.keys() & present.keys())
        if wanted[name] != present[name]
    ]
    return missing + extra + changed


def main(arguments: Sequence[str]) -> int:
    """Verify, or with `--write` write the manifest. Returns 0, 1 (they differ) or 2 (usage)."""
    if list(arguments) == ["--write"]:
        MANIFEST.write_text(json.dumps(compute(), indent=2, sort_keys=True) + "\n", encoding="utf-8")
        return 0
    if arguments:
        print("usage: python -m cotspec.builtin.digest [--write]", file=sys.stderr)
        return 2
    for problem in problems():
        print(problem, file=sys.stderr)
    return 1 if problems() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
