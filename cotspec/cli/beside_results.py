"""What is shown of results beside evaluations: figures of suites; on a page what tasks took, and where settings are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.cli.errors import ProblemError
from cotspec.files import plain

if TYPE_CHECKING:
    from cotspec.compiler import Checked
    from cotspec.history.results import Standing
    from cotspec.ir.plan import Task
    from cotspec.spec.evaluation import AskedSuite
    from cotspec.views.outcomes import Figure
    from cotspec.views.planned import Planned
    from cotspec.views.spent import Spending


def figures(root: Path, side: Planned, standings: Mapping[str, Standing]) -> Iterator[Figure]:
    """What lm-eval has measured of the last model of each suite: of the tasks that the spec names, and not of their
    parts, where lm-eval calls them so. Raises ProblemError."""
    from cotspec.back import places
    from cotspec.history.results import content
    from cotspec.spec.evaluation import suites_of

    for asked in suites_of(side.loaded.experiment.evaluate):
        id = side.tasks[asked.suite_of(asked.of[-1])].id
        record = content(root, id, "suite.json") if standings[id].state == "reuse" else None
        try:
            tasks = {} if record is None else plain.json_value(record)["tasks"]
            yield from [
                _figure(asked, task, each["n"], name, value)
                for task, each in ({name: tasks[name] for name in asked.given.tasks if name in tasks} or tasks).items()
                for name, value in each["metrics"].items()
            ]
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            place = f"{places.stage_folder(id)}/{places.OUT}"
            raise ProblemError(f"{place} does not hold what a suite writes: remove it and run `dvc repro`") from error


def _figure(asked: AskedSuite, task: str, n: object, name: str, value: Mapping[str, object]) -> Figure:
    from cotspec.views.outcomes import Figure

    error = value["stderr"]
    return Figure(
        suite=asked.name,
        task=plain.sentence(task),
        name=plain.sentence(name),
        model=asked.of[-1],
        n=plain.count(n),
        value=float(plain.number(value["value"], -plain.MOST_COUNTED)),
        error=None if error is None else float(plain.number(error)),
    )


def spent(root: Path, checked: Checked) -> Spending:
    """Of every task of the experiments."""
    from cotspec.estimate import Estimator
    from cotspec.history.project_facts import ProjectFacts
    from cotspec.views.spent import spending

    records, tasks = ProjectFacts(root), checked.sealed.tasks
    return spending(tasks, Estimator(tasks, records, records.others(tasks)), dict(_machines(root, tasks)))


def _machines(root: Path, tasks: Mapping[str, Task]) -> Iterator[tuple[str, str]]:
    """What provenance.json of each task says of versions and the machine, where it is there."""
    from cotspec.back import places

    for id in tasks:
        try:
            told = plain.json_object(root / places.stage_folder(id) / "provenance.json", within=(root,))
        except plain.DataError:
            continue
        if "python" not in told:
            continue
        packages = told.get("packages")
        named = packages.items() if isinstance(packages, dict) else ()
        versions = ", ".join(f"{name} {version}" for name, version in named)
        parts = (f"Python {told['python']}", versions, told.get("device") or told.get("platform"))
        yield id, ", ".join(str(part) for part in parts if part)


def settings(checked: Checked) -> Iterator[tuple[str, str]]:
    """Every value of a spec with its place, and of its variants beside it what they change, by experiment."""
    from cotspec.views import resolved

    specs = {unit.place: unit.loaded for unit in checked.units if not unit.loaded.variant}
    for unit in checked.units:
        base = specs.get(unit.place, unit.loaded)
        yield unit.name, resolved.yaml(base) if unit.loaded is base else resolved.changed(unit.loaded, base)
