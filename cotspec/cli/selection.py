"""`[REV:]SPEC[@VARIANT][:MODEL]` on the command line → experiments; `SPEC@` is a spec without its variants.

A spec goes by its path, or by the name of its experiment as `cotspec results` prints it: `own`, `own--VARIANT`. Reads
specs; writes nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from cotspec.cli import experiment_names, findings, project
from cotspec.cli.errors import ProblemError
from cotspec.cli.revision import exported

if TYPE_CHECKING:
    from cotspec.driver import Unit
    from cotspec.views.planned import Planned

_LISTED: Final = 10
"""Names that a message lists."""


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
    model: str = ""
    """The model or stage of it that is named."""


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


def named(root: Path, texts: Sequence[str], *, models: bool = False) -> Named:
    """What the arguments of a command name; without any, the specs of the project. Raises ProblemError, also for a
    model where the command takes no `models`."""
    selections = [reference(root, text) if models else selected(root, text) for text in texts]
    return Named(specs=project.chosen(root, [each.path for each in selections]), selections=selections)


def selected(root: Path, text: str) -> Selection:
    """The experiment that `text` names. Raises ProblemError."""
    found = reference(root, text)
    if found.model:
        whole = text.rpartition(":")[0]
        raise ProblemError(f"`{text}` is one model of an experiment, and this command takes it whole: `{whole}`")
    return found


def reference(root: Path, text: str, model: str = "") -> Selection:
    """The experiment that `text` names, and the model or stage of it: that behind the colon, or else `model`. A file
    whose own name holds `@` or `:` is found first. Raises ProblemError, also when both are said and differ."""
    found = _reference(root, text)
    if model and found.model not in ("", model):
        raise ProblemError(f"`{text}` names `{found.model}`, and `{model}` stands behind it: name one")
    return replace(found, model=model or found.model)


def _reference(root: Path, text: str) -> Selection:
    whole, colon, model = text.rpartition(":") if ":" in text and not os.path.lexists(text) else ("", "", "")
    if colon and (found := _experiment(root, whole)) is not None:
        return replace(found, text=text, model=model)
    if (found := _experiment(root, text)) is not None:
        return found
    file, at, variant = _split(whole or text)
    _refuse(root, file, f"{at}{variant}{colon}{model}")
    if colon:
        raise ProblemError(f"there is no file `{file}`")
    return _of_file(root, text, file, at, variant)  # whoever reads it says that it is not there


def is_reference(root: Path, text: str) -> bool:
    """Whether `text` names an experiment, with or without a model. Raises ProblemError when it names two."""
    return any(each and _experiment(root, each) is not None for each in (text, text.rpartition(":")[0]))


def _split(text: str) -> tuple[str, str, str]:
    return (text, "", "") if "@" not in text or os.path.lexists(text) else text.rpartition("@")


def _experiment(root: Path, text: str) -> Selection | None:
    """What `SPEC[@VARIANT]` or the name of an experiment stands for; None where it is neither. A file comes before a
    name, and a folder, which is no spec, after it."""
    file, at, variant = _split(text)
    if os.path.lexists(file) and not os.path.isdir(file):
        return _of_file(root, text, file, at, variant)
    found = experiment_names.by_name(root, file)
    if found is None or (at and found.variant):
        return _of_file(root, text, file, at, variant) if os.path.isdir(file) else None
    return _of_file(root, text, found.path, at or found.variant, found.variant or variant)


def _of_file(root: Path, text: str, file: str | Path, at: str, variant: str) -> Selection:
    ((place, path),) = project.chosen(root, [Path(file)]).items()
    return Selection(text=text, place=place, path=path, variant=variant, alone=bool(at))


def _refuse(root: Path, word: str, behind: str) -> None:
    """A path of a spec that lies elsewhere in the project is suggested as it counts from here, and for another word a
    name, or a spec whose file is called so. Raises ProblemError."""
    from cotspec.diagnostics.suggest import did_you_mean, near

    files: dict[str, Path] = {}
    with suppress(ProblemError):  # without specs, that there is no such file says enough
        files = {path.stem: path for path in project.everything(root)}
    if os.sep in word or word.endswith((".yaml", ".yml")):
        if (there := files.get(Path(word).stem)) is not None:
            meant = did_you_mean((f"{there.as_posix()}{behind}",))
            raise ProblemError(f"there is no file `{word}`; a path counts from this folder: {meant}")
        return
    names = experiment_names.known(root)
    own, dashes, variant = word.partition("--")
    written = {name: f"{name}{dashes}{variant}{behind}" for name in names}
    written |= {stem: f"{path.as_posix()}{dashes and '@'}{variant}{behind}" for stem, path in files.items()}
    close = tuple(dict.fromkeys(written[name] for name in near(own, written)))
    advice = did_you_mean(close, sorted(names)[:_LISTED]) or "`cotspec init` begins with a spec that works"
    raise ProblemError(f"there is no spec and no experiment `{word}`: {advice}")


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
    return planned_as(selected(root, text), trusted=trusted)


def model_of_work_tree(root: Path, text: str, model: str = "", *, trusted: bool = True) -> tuple[Planned, str]:
    """The experiment and the model that `reference` finds, "" where none is named. Raises ProblemError, SpecError."""
    found = reference(root, text, model)
    return planned_as(found, trusted=trusted), found.model


def planned(root: Path, text: str, stack: ExitStack) -> Planned:
    """What `text` names, of the work tree or of a git revision, whose files live until `stack` is closed.

    Raises ProblemError and SpecError.
    """
    revision, colon, rest = text.partition(":")
    if not colon or Path(text.partition("@")[0]).exists():
        return planned_as(selected(root, text))
    folder = stack.enter_context(exported(root, revision))
    file, _, variant = rest.rpartition("@") if "@" in rest and not (folder / rest).exists() else (rest, "", "")
    if not (folder / file).is_file():
        there = experiment_names.by_name(folder, file)
        if there is None:
            raise ProblemError(f"{revision} has no file {file}, and no experiment of that name")
        file, variant = there.path.resolve().relative_to(folder.resolve()).as_posix(), there.variant or variant
    selection = Selection(text=text, place=file, path=folder / file, variant=variant, alone=True)
    return planned_as(selection, root=folder, revision=revision)


def planned_as(selection: Selection, *, root: Path | None = None, revision: str = "", trusted: bool = False) -> Planned:
    """The experiment that was named, with its plan. Raises ProblemError and SpecError."""
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
