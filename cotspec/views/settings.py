"""settings.yaml beside each report: every setting that decides an experiment's results, and where it came from.

The report shows it, and DVC's own commands compare it (`dvc params diff`). Pure: specs in, text by path out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cotspec.back.rendering import HEADER
from cotspec.driver import Unit
from cotspec.front.paths import project_root
from cotspec.spec.artifact_names import settings_file
from cotspec.views import resolved


def files(units: Sequence[Unit]) -> dict[str, str]:
    """The file of each experiment, by path."""
    specs = {unit.place: unit for unit in units if not unit.loaded.variant}
    return {settings_file(unit.name): _text(unit, specs[unit.place]) for unit in units}


def _text(unit: Unit, spec: Unit) -> str:
    root = project_root(unit.loaded.path).resolve()

    def name_of(file: str) -> str:
        """As it counts from the project, from wherever it was built."""
        path = Path(file)
        name = Path(os.path.relpath(path.parent.resolve() / path.name, root)).as_posix()
        return "" if name == unit.place else name

    told = f"# {unit.name}: a value stands in {unit.place}, unless something else stands behind it"
    return f"{HEADER}\n{told}\n{resolved.deciding(unit.loaded, None if unit is spec else spec.loaded, name_of)}"
