"""What an input holds now: the hub is asked for commits, files are read. Writes nothing."""

from __future__ import annotations

from pathlib import Path

from cotspec.front import contents
from cotspec.hub import fetch
from cotspec.hub.errors import HubError
from cotspec.ir.inputs import Input
from cotspec.lock.update import UnknownError


class Resolver:
    """Says what inputs hold. A hub that does not answer once is not asked again: each time would take as long."""

    def __init__(self, root: Path, *, hub: bool = True) -> None:
        self._root, self._hub = root, hub
        self._silent: HubError | None = None

    def resolve(self, one: Input) -> str:
        """A commit, a digest or a version. Raises UnknownError."""
        if one.on_hub:
            return self._commit(one)
        return one.content or self._content(one.key[1])

    def _commit(self, one: Input) -> str:
        kind, id, revision = one.key
        if not self._hub:
            raise UnknownError(f"`{id}` at `{revision}` is not locked", "run `cotspec lock`")
        try:
            if self._silent is not None:
                raise self._silent
            return fetch.resolve("models" if kind == "models" else "data", id, revision)
        except HubError as error:
            self._silent = error if error.silent else None
            raise UnknownError(f"`{id}` at `{revision}`: {error}", error.advice) from error

    def _content(self, place: str) -> str:
        try:
            return contents.digest(place, self._root)
        except contents.ContentError as error:
            raise UnknownError(
                f"`{place}` cannot be read: {error}", "bring the file back, or run `dvc pull`"
            ) from error
