"""`SPEC` or `SPEC@VARIANT` on the command line → one experiment. Reads specs; writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.cli import project
from cotspec.cli.problem import ProblemError

if TYPE_CHECKING:
    from cotspec.driver import Unit


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
