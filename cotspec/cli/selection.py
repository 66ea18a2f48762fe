"""`[REV:]SPEC[@VARIANT]` on the command line → experiments; `SPEC@` is a spec without its variants.

Reads specs; writes nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
    alone: bool
    """Whether one experiment is named: without `@`, a command that takes several takes the spec with its variants."""


class Named(NamedTuple):
    """What the arguments of a command name."""

    specs: Mapping[str, Path]
    """By their path in the project, in its order."""
    selections: Sequence[Selection]
    """As they were typed; none names all of the project."""

    @property
    def variants(self) -> Mapping[str, frozenset[str]]:
        """By spec, the variants that alone are named, "" for the spec itself; of other specs, all are."""
        whole = {each.place for each in self.selections if not each.alone}
        alone = {place: {s.variant for s in self.selections if s.place == place} for place in self.specs}
        return {place: frozenset(names) for place, names in alone.items() if names and place not in whole}

    def of(self, units: Sequence[Unit]) -> list[Unit]:
        """The experiments that are named; a spec without `@` names all of its own. Raises ProblemError."""
        for each in self.selections:
            member(units, each)
        only = self.variants
        return [unit for unit in units if unit.loaded.variant in only.get(unit.place, {unit.loaded.variant})]


def named(root: Path, texts: Sequence[str]) -> Named:
    """What the arguments of a command name; without any, the specs of the project. Raises ProblemError."""
    selections = [selected(root, text) for text in texts]
    return Named(specs=project.chosen(root, [each.path for each in selections]), selections=selections)


def selected(root: Path, text: str) -> Selection:
    """What `text` names. A file whose own name holds `@` is found first. Raises ProblemError."""
    file, at, variant = (text, "", "") if "@" not in text or os.path.lexists(text) else text.rpartition("@")
    if not os.path.lexists(file):
        _refuse_word(root, file, f"{at}{variant}")
    ((place, path),) = project.chosen(root, [Path(file)]).items()
    return Selection(text=text, place=place, path=path, variant=variant, alone=bool(at))


def _refuse_word(root: Path, word: str, behind: str) -> None:
    """A bare word is meant for a spec of the project, which is named by its path, and a path of that name for one that
    lies elsewhere in it. Raises ProblemError."""
    from cotspec.diagnostics.suggest import did_you_mean, near

    known: dict[str, Path] = {}
    with suppress(ProblemError):  # without specs, that there is no such file says enough
        known = {path.stem: path for path in project.everything(root)}
    if os.sep in word or word.endswith((".yaml", ".yml")):
        if (there := known.get(Path(word).stem)) is not None:
            meant = did_you_mean((f"{there.as_posix()}{behind}",))
            raise ProblemError(f"there is no file `{word}`; a path counts from this folder: {meant}")
        return
    if close := near(word, known):
        instead = tuple(f"{known[stem].as_posix()}{behind}" for stem in close)
        raise ProblemError(f"there is no file `{word}`, and a spec is named by its path: {did_you_mean(instead)}")


def member(units: Sequence[Unit], selection: Selection) -> tuple[Unit, Unit]:
    """The experiment that is named, and the spec it is a variant of (or itself). Raises ProblemError."""
    from cotspec.diagnostics.suggest import did_you_mean, near

    family = {unit.loaded.variant: unit for unit in units if unit.place == selection.place}
    if selection.variant not in family:
        names = [*filter(None, family), *family[""].loaded.left_out]
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
    selection = Selection(text=text, place=file, path=folder / file, variant=variant, alone=True)
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
