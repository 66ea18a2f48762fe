"""`[REV:]SPEC[@VARIANT]` on the command line → an experiment with its plan, of the work tree or of a git revision."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.cli import findings, project
from cotspec.cli.problem import ProblemError
from cotspec.cli.revision import exported
from cotspec.cli.selection import Selection, member, selected

if TYPE_CHECKING:
    from cotspec.views.side import Side


class FoundError(Exception):
    """A spec has errors; they have been shown."""


def side(root: Path, text: str, stack: ExitStack) -> Side:
    """What `text` names. Files of a revision live until `stack` is closed. Raises ProblemError and FoundError."""
    revision, colon, rest = text.partition(":")
    if not colon or Path(text.partition("@")[0]).exists():
        return of(root, [selected(root, text)])[0]
    folder = stack.enter_context(exported(root, revision))
    return of(folder, [in_folder(folder, revision, rest)], revision=revision)[0]


def in_folder(folder: Path, revision: str, text: str) -> Selection:
    """What `text`, relative to the project, names in the files of a revision. Raises ProblemError."""
    file, _, variant = text.rpartition("@") if "@" in text and not (folder / text).exists() else (text, "", "")
    if not (folder / file).is_file():
        raise ProblemError(f"{revision} has no file {file}")
    return Selection(text=f"{revision}:{text}", place=file, path=folder / file, variant=variant)


def of(root: Path, selections: Sequence[Selection], *, revision: str = "") -> list[Side]:
    """The experiments that are named. Raises ProblemError and FoundError."""
    from cotspec.compiler import check_specs
    from cotspec.diagnostics import Sink
    from cotspec.views.side import Side

    sink = Sink()
    checked = check_specs({each.place: each.path for each in selections}, sink)
    if checked is None:
        findings.show(sink, stream=sys.stderr)
        raise FoundError
    place = root if revision else None
    chosen = [member(checked.units, each)[0] for each in selections]
    return [Side(unit=unit, sealed=checked.sealed, root=place, name_of=revision) for unit in chosen]


def root_of() -> Path:
    """The project of the current folder."""
    return project.find_root(Path.cwd())
