"""Where the server of a model is, and which key it gets: as the owner of this machine says (cotspec.local.yaml)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cotspec.files import plain
from cotspec.runtime import local
from cotspec.runtime.errors import TaskError
from cotspec.runtime.task import load
from cotspec.spec.endpoints import same
from cotspec.spec.local import LOCAL_FILE, agreed
from cotspec.spec.payload import EndpointModel, PreflightBody

_LONGEST: Final = 300
"""Characters of what a server says that are shown."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A server that may be asked."""

    url: str
    variable: str = ""
    """The variable of the environment with its key; "" for a server that wants none."""
    key: str = field(default="", repr=False)

    @property
    def exposed(self) -> bool:
        """Whether its key can be read on the way."""
        host = self.url.partition("://")[2].partition("/")[0]
        near = host.startswith(("localhost", "127.", "[::1]"))
        return bool(self.key) and self.url.startswith("http:") and not near

    def shown(self, text: str) -> str:
        """What the server says, for a person: on one line, not too long, and without the key, which some repeat."""
        text = text.replace(self.key, "…") if self.key else text
        text = plain.sentence(text)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def of(root: Path, ref: EndpointModel) -> Place:
    """The server of a model. Raises TaskError where nobody agreed to ask it, and for a key that is not there."""
    return named(root, url=ref.url, model=ref.name)


def named(root: Path, *, url: str, model: str) -> Place:
    """The same of a server by the address in a spec ("": it has none, and the model's name says which)."""
    given = agreed(local.read(root), url=url, model=model)
    if given is not None and _shared(root):
        raise TaskError(
            f"{LOCAL_FILE} is in git, so its `endpoints` may be somebody else's word and not yours: `git rm --cached "
            f"{LOCAL_FILE}`, and have git ignore it"
        )
    if given is None and url:
        raise TaskError(
            f"prompts for `{model}` would go to {url}, and {LOCAL_FILE} does not agree: if you do, write "
            f'`endpoints: {{"{url}": {{key: NAME}}}}` into it (NAME: the variable with its key; `{{}}` without one)'
        )
    place = url if given is None or given.url is None else same(given.url)
    if given is None or not place:
        raise TaskError(
            f"nothing says where `{model}` is served: write `endpoints: {{{model}: {{url: http://…/v1}}}}` into "
            f"{LOCAL_FILE}"
        )
    return Place(url=place, variable=given.key or "", key=_key(given.key, place) if given.key else "")


def others_run(stopped: Sequence[str]) -> str:
    """What goes on where the server of some experiments cannot be asked."""
    names = ", ".join(f"`{name}`" for name in stopped)
    return f"that stops {names} alone, and `dvc repro --keep-going` runs all others"


def of_task(root: Path, ref: EndpointModel) -> Place:
    """The server that a task asks. Raises TaskError as `of`, also with what goes on without it: who needs a server, and
    whether anybody does not, says the preflight of the build."""
    try:
        return of(root, ref)
    except TaskError as error:
        needed, every = _experiments(root, ref)
        raise TaskError(f"{error}; {others_run(needed)}" if needed and len(needed) < every else str(error)) from error


def _experiments(root: Path, ref: EndpointModel) -> tuple[list[str], int]:
    """The experiments of a build that need a server, and how many there are."""
    folder = root / "generated" / "preflight"
    try:
        body = load(folder / "payload.json", folder / "run.json").body(PreflightBody)
    except (TaskError, TypeError):  # a task that runs alone
        return [], 0
    needed = {name for each in body.demands if each.model == ref for name in each.experiments}
    return sorted(needed), len(body.experiments)


def _shared(root: Path) -> bool:
    """Whether the file came, or could have come, with the project."""
    command = ["git", "-C", str(root), "-c", "core.fsmonitor=false", "ls-files", "--error-unmatch", "--", LOCAL_FILE]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603 - the user's git
    except OSError:  # no git, so no clone
        return False


def _key(variable: str, url: str) -> str:
    key = os.environ.get(variable, "").strip()
    if not key:
        raise TaskError(f"{LOCAL_FILE} says that the key of {url} is in {variable}, which is not set: export it")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise TaskError(f"what is in {variable} cannot be a key: it has characters that no key has")
    return key
