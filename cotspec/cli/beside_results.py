"""What a page of results shows beside them: what tasks took and were expected to take, and where settings stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.files import plain

if TYPE_CHECKING:
    from cotspec.compiler import Checked
    from cotspec.ir.plan import Task
    from cotspec.views.spent import Spending


def spent(root: Path, checked: Checked) -> Spending:
    """Of every task of the experiments."""
    from cotspec.estimate import Estimator
    from cotspec.history.records import Records
    from cotspec.views.spent import spending

    records, tasks = Records(root), checked.sealed.tasks
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
