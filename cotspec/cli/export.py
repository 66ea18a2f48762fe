"""`cotspec export SPEC[@VARIANT][:STAGE] DIR`: a trained model as a folder to hand on, and on the hub when asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.cli import project
from cotspec.cli.bar import bytes_of
from cotspec.cli.errors import ProblemError
from cotspec.cli.selection import SpecError, model_of_work_tree
from cotspec.cli.trained import recorded, stage_of
from cotspec.files import plain

if TYPE_CHECKING:
    from cotspec.export.card import Handed, Licence, Score
    from cotspec.history.trained import Trained
    from cotspec.views.planned import Planned

_TERMS = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The command line, as it was written."""

    spec: str
    place: Sequence[str]
    """`[STAGE] DIR`."""
    adapter: bool
    terms: str
    push: str
    public: bool


def run(arguments: Arguments) -> int:
    """Return the exit code: 1 when the spec has errors. Raises ProblemError."""
    from cotspec.export import card, folder
    from cotspec.export.folder import ExportError
    from cotspec.history.trained import UntrainedError

    _refuse(arguments)
    root = project.find_root(Path.cwd())
    target = _target(root, arguments.place[-1])
    try:
        written = arguments.place[0] if len(arguments.place) == 2 else ""
        side, named = model_of_work_tree(root, arguments.spec, written)
    except SpecError:
        return 1
    _refuse_stage_alone(side, arguments)
    stage = stage_of(side, named)
    try:
        trained = recorded(root, side, stage)
        names = folder.files(trained, adapter=arguments.adapter)
        handed = _handed(root, side, stage, trained, arguments)
        texts = {"README.md": card.card(handed), card.RECORD: card.record(handed), card.PROMPT: handed.asked.prompt}
        with bytes_of("copying", folder.size(root, trained, names)) as advance:
            new = folder.write(root, trained, names, texts, target, advance)
    except (ExportError, UntrainedError) as error:
        raise ProblemError(f"stage `{stage}` of {side.name}: {error}") from error
    except OSError as error:
        raise ProblemError(f"cannot export: {error.filename or target}: {error.strerror}") from error
    told = f"{len(names) + len(texts)} files, README.md says what it is"
    print(f"{target}: {told}" if new else f"{target} holds just this already")
    if arguments.push:
        _push(arguments, target, f"{side.name}: {stage} (cotspec {handed.version})")
    return 0


def _refuse(arguments: Arguments) -> None:
    if not arguments.place:
        raise ProblemError(f"name the folder that is made, too: `cotspec export {arguments.spec} DIR`")
    if len(arguments.place) > 2:
        raise ProblemError("export takes a spec, a stage (or none, for the last one) and a folder")
    if arguments.terms and not _TERMS.fullmatch(arguments.terms):
        raise ProblemError(f"`{arguments.terms}` is no licence as the hub calls them: `apache-2.0`, `mit`, `other`, …")
    if arguments.push and not _REPOSITORY.fullmatch(arguments.push):
        raise ProblemError(f"`{arguments.push}` is no name on the hub: owner/name")
    if arguments.public and not arguments.push:
        raise ProblemError("--public goes with --push")


def _refuse_stage_alone(side: Planned, arguments: Arguments) -> None:
    """The name of a stage in place of the folder: who wrote it meant the stage, and forgot the folder."""
    only = arguments.place[0]
    if len(arguments.place) == 1 and only in side.loaded.experiment.stages:
        told = f"name the folder, too: `cotspec export {arguments.spec} {only} DIR`"
        raise ProblemError(f"`{only}` is a stage; {told} (a folder of that name is `./{only}`)")


def _target(root: Path, written: str) -> Path:
    target = Path(written)
    if target.resolve().is_relative_to(root / "generated"):
        raise ProblemError(f"{target} lies where builds and runs write: name another folder")
    if not target.name or target.name == ".." or target.resolve() == Path.cwd():
        raise ProblemError(f"`{written}` is no new folder: name one")
    return target


def _handed(root: Path, side: Planned, stage: str, trained: Trained, arguments: Arguments) -> Handed:
    from cotspec.cli.version import version
    from cotspec.export import licences, lineage
    from cotspec.export.card import Handed

    terms = licences.of_tasks(root, lineage.tasks(side, stage), licences.of_files(root))
    return Handed(
        side=side,
        stage=stage,
        checkpoint=trained.checkpoint,
        adapter=arguments.adapter,
        scores=_scores(root, side, stage),
        licences=terms,
        terms=arguments.terms or _inherited(terms),
        packages=_packages(root, trained),
        version=version(),
    )


def _inherited(licences: Sequence[Licence]) -> str:
    """That of the one model it was made of, where all models that went into it are under the same."""
    of_models = {each.terms for each in licences if each.what.startswith("model ")}
    return of_models.pop() if len(of_models) == 1 else ""


def _scores(root: Path, side: Planned, stage: str) -> list[Score]:
    """What was measured of the model, and beside it of the baseline, on each set."""
    from cotspec.cli.results import measured
    from cotspec.export.card import Score
    from cotspec.history.results import standings
    from cotspec.spec.evaluation import sets_of

    known, scores = standings(root, side.sealed.plan), []
    for asked in sets_of(side.loaded.experiment.evaluate):
        for name in dict.fromkeys((asked.of[0], stage)):
            now = measured(root, side, asked, name, known) if name in asked.of else None
            scores += [] if now is None else [Score(asked.name, name, now)]
    return scores


def _packages(root: Path, trained: Trained) -> Mapping[str, str]:
    """Versions of libraries, as far as the task noted them on this machine."""
    from cotspec.back import places

    told = plain.json_object(root / places.stage_folder(trained.task) / "provenance.json", within=(root,))
    packages = told.get("packages")
    given = packages.items() if isinstance(packages, dict) else ()
    return {plain.sentence(name): plain.sentence(version) for name, version in given if isinstance(version, str)}


def _push(arguments: Arguments, target: Path, message: str) -> None:
    from cotspec.hub import upload
    from cotspec.hub.errors import HubError

    try:
        place = upload.model(target, arguments.push, public=arguments.public, message=message)
    except HubError as error:
        raise ProblemError(f"{error}; {error.advice} ({target} is whole)") from error
    print(f"pushed to {arguments.push}{'' if arguments.public else ', private unless it was there before'}: {place}")
