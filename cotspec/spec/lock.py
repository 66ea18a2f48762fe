"""What a lock is about: commits of revisions on the hub, contents of local things. Knows no file (`spec.lockfile`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

LOCK_FILE: Final = "cotspec.lock"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")

HubKind = Literal["models", "data"]
Key = tuple[str, ...]
"""What an entry is about: ("models" or "data", id on the hub, revision that is wanted), or (a section, a name)."""


def is_commit(revision: str) -> bool:
    """Whether a revision is a commit's full hash: nothing that could be moved."""
    return _COMMIT.fullmatch(revision) is not None


def pinned(locked: Mapping[Key, str], kind: HubKind, id: str, revision: str) -> str:
    """The commit that a revision is locked at, or else the revision; what is a commit already is no lock's business."""
    return revision if is_commit(revision) else locked.get((kind, id, revision), revision)
