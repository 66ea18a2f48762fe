"""`[REV:]SPEC[@VARIANT]` on the command line → one experiment. Reads specs; writes nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.cli import findings, project
from cotspec.cli.errors import ProblemError
from cotspec.cli.revision import exported

if TYPE_CHECKING:
    from cotspec.driver import Unit
    from cotspec.views.planned import Planned


class SpecError(Exception):
    """A spec has errors; they have been shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What was named."""

    text: str
    """As it was typed."""
    place: str
    """Path of the spec in the project."""
    path: Path
    """Path of the spec as it was typed."""
    variant: str
    """Name of the variant; "" names the spec itself."""


def selected(root: Path, text: str) -> Selection:
    """What `text` names. A file whose own name holds `@` is found first. Raises ProblemError."""
    whole = Path(text)
    file, _, variant = (text, "", "") if "@" not in text or whole.exists() else text.rpartition("@")
    ((place, path),) = project.chosen(root, [Path(file)]).items()
    return Selection(text=text, place=place, path=path, variant=variant)


def member(units: Sequence[Unit], selection: Selection) -> tuple[Unit, Unit]:
    """The experiment that is named, and the spec it is a variant of (or itself). Raises ProblemError."""
    from cotspec.diagnostics.suggest import did_you_mean, near

    family = {unit.loaded.variant: unit for unit in units if unit.place == selection.place}
    if selection.variant not in family:
        names = [name for name in family if name]
        close = near(selection.variant, names)
        advice = did_you_mean(close, names[:10]) or "it has none"
        raise ProblemError(f"{selection.place} has no variant `{selection.variant}`: {advice}")
    return family[selection.variant], family[""]


def of_work_tree(root: Path, text: str, *, trusted: bool = True) -> Planned:
    """What `SPEC[@VARIANT]` names. Whoever runs code that comes with models says whether it is `trusted`. Raises
    ProblemError and SpecError."""
    return _planned(selected(root, text), trusted=trusted)


def planned(root: Path, text: str, stack: ExitStack) -> Planned:
    """What `text` names, of the work tree or of a git revision, whose files live until `stack` is closed.

    Raises ProblemError and SpecError.
    """
    revision, colon, rest = text.partition(":")
    if not colon or Path(text.partition("@")[0]).exists():
        return _planned(selected(root, text))
    folder = stack.enter_context(exported(root, revision))
    file, _, variant = rest.rpartition("@") if "@" in rest and not (folder / rest).exists() else (rest, "", "")
    if not (folder / file).is_file():
        raise ProblemError(f"{revision} has no file {file}")
    selection = Selection(text=text, place=file, path=folder / file, variant=variant)
    return _planned(selection, root=folder, revision=revision)


def _planned(selection: Selection, *, root: Path | None = None, revision: str = "", trusted: bool = False) -> Planned:
    from cotspec.compiler import check_specs
    from cotspec.diagnostics import Sink
    from cotspec.passes.options import LOOKING
    from cotspec.views.planned import Planned

    sink = Sink()
    checked = check_specs({selection.place: selection.path}, sink, LOOKING._replace(trust_remote_code=trusted))
    if checked is None:
        findings.show(sink, stream=sys.stderr)
        raise SpecError
    unit, _ = member(checked.units, selection)
    return Planned(unit=unit, sealed=checked.sealed, root=root, name_of=revision)
