"""generated/manifest.json, and what stands in a project against what a build wants there. Reads; writes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final

from cotspec.back.places import GENERATED, ROOT_DVC
from cotspec.back.rendering import HEADER
from cotspec.files import plain
from cotspec.workspace import disk
from cotspec.workspace.disk import WorkspaceError

MANIFEST: Final = f"{GENERATED}/manifest.json"
_UNKNOWN: Final = "unknown"
"""In place of a digest that a merge conflict, or a build that was killed, leaves in doubt."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a build does, or with `--check` would do. Paths are relative to the project, sorted."""

    missing: tuple[str, ...]
    """Planned and not there."""
    stale: tuple[str, ...]
    """Planned and there with another content."""
    leftover: tuple[str, ...]
    """Owned and no longer planned."""
    unchanged: tuple[str, ...]
    """Planned and there as they should be."""
    edited: tuple[str, ...]
    """Those of `stale` and `leftover` that somebody changed by hand since the last build."""

    @property
    def clean(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.missing or self.stale or self.leftover)

    @property
    def written(self) -> int:
        """How many files a build writes."""
        return len(self.missing) + len(self.stale)


def inspect(root: Path, texts: Mapping[str, str]) -> tuple[Changes, dict[str, bytes]]:
    """What has to change, and all planned files with the manifest among them. Raises WorkspaceError."""
    files = {path: text.encode("utf-8") for path, text in texts.items()}
    owned = _owned(root)
    files[MANIFEST] = _manifest(files)
    paths = sorted({*files, *owned})
    disk.refuse_links(root, paths)
    on_disk = {path: disk.read(root, path) for path in paths}
    _refuse_foreign_root(on_disk.get(ROOT_DVC), owned)
    stale = [path for path in files if on_disk[path] not in (None, files[path])]
    leftover = [path for path in owned if path not in files and on_disk[path] is not None]
    changes = Changes(
        missing=_sorted(path for path in files if on_disk[path] is None),
        stale=_sorted(stale),
        leftover=_sorted(leftover),
        unchanged=_sorted(path for path in files if on_disk[path] == files[path]),
        edited=_sorted(path for path in (*stale, *leftover) if _edited(path, on_disk[path], owned)),
    )
    return changes, files


def owned_texts(root: Path, folders: Collection[str]) -> dict[str, str]:
    """The files of the last build in some folders, as they stand."""
    wanted = [path for path in (_owned(root) if folders else ()) if path.rpartition("/")[0] in folders]
    disk.refuse_links(root, wanted)
    contents = ((path, disk.read(root, path)) for path in wanted)
    return {path: content.decode("utf-8", errors="replace") for path, content in contents if content is not None}


def manifest_of_both(root: Path, files: Mapping[str, bytes]) -> bytes:
    """The manifest while a build writes: what the last one made and what this one makes. A file that both have may be
    found as either left it, so its digest is unknown."""
    planned = {path: _digest(content) for path, content in files.items() if path != MANIFEST}
    before = {path: digest for path, digest in _owned(root).items() if path != MANIFEST}
    doubtful = {path: _UNKNOWN for path in planned.keys() & before.keys() if planned[path] != before[path]}
    return _manifest_text({**before, **planned, **doubtful})


def refuse_outside(paths: Iterable[str], *, named_by: str) -> None:
    """A list of cotspec's is a file like any other: who can write it must not choose what is changed elsewhere."""
    for path in paths:
        parts = PurePosixPath(path).parts
        inside = len(parts) > 1 and parts[0] == GENERATED and ".." not in parts and "\0" not in path
        if path != ROOT_DVC and not inside:
            raise WorkspaceError(
                f"{named_by} lists `{path}`, which is not cotspec's: delete {named_by} and build again"
            )


def _sorted(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(paths))


def _edited(path: str, content: bytes | None, owned: Mapping[str, str]) -> bool:
    return path != MANIFEST and content is not None and owned.get(path) not in (_digest(content), _UNKNOWN)


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def _manifest(files: Mapping[str, bytes]) -> bytes:
    return _manifest_text({path: _digest(content) for path, content in files.items()})


def _manifest_text(digests: Mapping[str, str]) -> bytes:
    return (json.dumps({"cotspec": 1, "files": digests}, indent=2, sort_keys=True) + "\n").encode()


def _owned(root: Path) -> dict[str, str]:
    """sha256 by path of the files of the last build."""
    disk.refuse_links(root, [MANIFEST])
    content = disk.read(root, MANIFEST)
    if content is None:
        return {}
    owned = _both_sides(content) if content.count(b"\n<<<<<<< ") else _listed(content)
    refuse_outside(owned, named_by=MANIFEST)
    return owned


def _listed(content: bytes) -> dict[str, str]:
    try:
        files = plain.json_value(content)["files"]
        return {str(path): str(digest) for path, digest in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkspaceError(
            f"{MANIFEST} cannot be read: restore it (`git checkout -- {MANIFEST}`) and build again"
        ) from error


def _both_sides(content: bytes) -> dict[str, str]:
    """What either branch of a merge conflict made, so that a build after a merge leaves no stage of theirs behind."""
    return dict.fromkeys(
        re.findall(r'^ *"([^"\\]+)": "[0-9a-f]{64}",?$', content.decode(errors="replace"), re.MULTILINE), _UNKNOWN
    )


def _refuse_foreign_root(content: bytes | None, owned: Mapping[str, str]) -> None:
    if content is not None and ROOT_DVC not in owned and not content.startswith(HEADER.encode()):
        raise WorkspaceError(
            f"{ROOT_DVC} is there and was not made by cotspec: move its stages into a folder of their own "
            f"(DVC finds every dvc.yaml below the project) and build again"
        )
