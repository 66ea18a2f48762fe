"""`cotspec compare [SPEC] A B`: what two models answered, side by side, as their evaluations recorded it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from cotspec.cli import findings, project
from cotspec.cli.errors import ProblemError
from cotspec.cli.selection import SpecError, is_reference, model_of_work_tree

if TYPE_CHECKING:
    from cotspec.spec.evaluation import AskedSet
    from cotspec.views.flips import Answer
    from cotspec.views.planned import Planned
    from cotspec.views.side_by_side import Model, Pair, SideBySide

_USAGE: Final = (
    "`cotspec compare SPEC MODEL MODEL`, or `cotspec compare EXPERIMENT:MODEL EXPERIMENT:MODEL` as `cotspec results` "
    "prints them"
)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The command line, as it was written."""

    names: Sequence[str]
    """`A B`, or `SPEC A B` for two models of one spec."""
    set: str
    question: int | None
    most: int
    output: Literal["text", "json"]


class Named(NamedTuple):
    """A model of an experiment: `SPEC[@VARIANT][:MODEL]`, or `EXPERIMENT:MODEL` as `results` prints them."""

    side: Planned
    model: str
    """"" is the last one that the set has."""


def run(arguments: Arguments) -> int:
    """Return the exit code: 1 when a spec has errors. Raises ProblemError."""
    from cotspec.views import side_by_side

    root = project.find_root(Path.cwd())
    try:
        old, new = _both(root, arguments.names)
    except SpecError:
        return 1
    first, second = (_set(each, arguments.set or _shared(old, new)) for each in (old, new))
    short = old.side is new.side
    models = _model(root, old, first, short=short), _model(root, new, second, short=short)
    comparison = side_by_side.side_by_side(*models, first.name)
    shown = _shown(comparison, arguments)
    if arguments.output == "json":
        findings.as_json(side_by_side.record(comparison, shown))
    elif sys.stdout.isatty():
        _draw(comparison, shown)
    else:
        findings.for_programs(side_by_side.text(comparison, shown))
    _tell_rest(comparison, shown, arguments)
    return 0


def _both(root: Path, names: Sequence[str]) -> tuple[Named, Named]:
    """The two models that are named. Raises ProblemError and SpecError."""
    if len(names) not in (2, 3):
        raise ProblemError(f"compare takes two models: {_USAGE}")
    first = Named(*model_of_work_tree(root, names[0]))
    if len(names) == 3 and first.model:
        raise ProblemError(f"`{names[0]}` is a model already, and two more are named: {_USAGE}")
    old = first if len(names) == 2 else _other(root, names[1], first.side)
    return old, _other(root, names[-1], first.side)


def _other(root: Path, text: str, side: Planned) -> Named:
    """A model of `side`, or of another experiment that `text` names. Raises ProblemError and SpecError."""
    spec = side.loaded.experiment
    if text not in (*spec.models, *spec.stages) and is_reference(root, text):
        return Named(*model_of_work_tree(root, text))
    if os.sep in text or text.endswith((".yaml", ".yml")):
        raise ProblemError(f"there is no file `{text}`")
    return Named(side, text.removeprefix(":"))


def _shared(old: Named, new: Named) -> str:
    """The first set that both models answer; "" leaves it to each."""
    from cotspec.spec.evaluation import sets_of

    sets = [
        [asked.name for asked in sets_of(each.side.loaded.experiment.evaluate) if each.model in ("", *asked.of)]
        for each in (old, new)
    ]
    return next((name for name in sets[0] if name in sets[1]), "")


def _set(named: Named, name: str) -> AskedSet:
    """A set of the evaluation that a model answers. Raises ProblemError."""
    from cotspec.diagnostics.suggest import did_you_mean, near
    from cotspec.spec.evaluation import sets_of

    sets = {asked.name: asked for asked in sets_of(named.side.loaded.experiment.evaluate)}
    if name and name not in sets:
        advice = did_you_mean(near(name, sets), filter(None, sets)) or "it has one, without a name"
        raise ProblemError(f"`{named.side.name}` has no set `{name}`: {advice}")
    asked = sets[name] if name else next(iter(sets.values()))
    if named.model and named.model not in asked.of:
        on = f" on {asked.name}" if asked.name else ""
        advice = did_you_mean(near(named.model, asked.of), asked.of)
        raise ProblemError(f"`{named.side.name}` does not evaluate `{named.model}`{on}: {advice}")
    return asked


def _model(root: Path, named: Named, asked: AskedSet, *, short: bool) -> Model:
    """The recorded answers of a model. Raises ProblemError."""
    from cotspec.back import places
    from cotspec.history.results import standings
    from cotspec.views.side_by_side import Model

    name = named.model or asked.of[-1]
    task = named.side.tasks[asked.evaluation_of(name)]
    called = name if short else f"{named.side.name}:{name}"
    standing = standings(root, named.side.sealed.plan)[task.id]
    if standing.state != "reuse":
        run = f"`dvc repro {places.target(places.stage_folder(task.id))}`"
        raise ProblemError(f"{called} is not evaluated as its spec says now ({standing.reason}): {run}")
    answers = _answers(root, task.id)
    if not answers:
        raise ProblemError(f"{places.stage_folder(task.id)}/{places.OUT} holds no answers: `cotspec doctor` says more")
    return Model(name=called, answers=answers)


def _answers(root: Path, id: str) -> Mapping[int, list[Answer]]:
    from cotspec.cli.results import said
    from cotspec.history.results import content

    answers: dict[int, list[Answer]] = {}
    for line in (content(root, id, "predictions.jsonl") or b"").splitlines():
        if (read := said(line)) is not None:
            answers.setdefault(read[0], []).append(read[1])
    return answers


def _shown(comparison: SideBySide, arguments: Arguments) -> list[Pair]:
    if arguments.question is None:
        return comparison.chosen[: arguments.most]
    shown = [pair for pair in comparison.pairs if pair.id == arguments.question]
    if not shown:
        ids = sorted(pair.id for pair in comparison.pairs)
        there = f"they are {ids[0]} to {ids[-1]}" if ids else "there is none that both were asked"
        raise ProblemError(f"there is no question {arguments.question}: {there}")
    return shown


def _draw(comparison: SideBySide, shown: list[Pair]) -> None:
    from rich.console import Console

    from cotspec.views import side_by_side

    console = Console(no_color=not findings.colour(sys.stdout), highlight=False, emoji=False, markup=False)
    side_by_side.draw(console, comparison, shown)


def _tell_rest(comparison: SideBySide, shown: list[Pair], arguments: Arguments) -> None:
    left = len(comparison.chosen) - len(shown)
    if arguments.question is None and left > 0:
        print(f"{left:,} more differ: --most {len(comparison.chosen)} shows all, --question N one", file=sys.stderr)
