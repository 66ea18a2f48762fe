"""What DVC's own commands show of an experiment (`dvc metrics show`, `dvc plots show`, `dvc exp show`): the figures of
its models, and its logs as DVC can draw them. The dvc.yaml beside a report names these files (cotspec.back.tracked).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cotspec.runtime import lines, report_curves
from cotspec.runtime.report_curves import Log
from cotspec.runtime.report_tables import Table
from cotspec.spec.artifact_names import METRICS, answers_plot, training_plot

FIGURES: Final = ("accuracy", "accuracy_low", "accuracy_high", "tokens", "formatted")
"""Of a model on a set."""
_STEP: Final = "step"


def write(result: Path, tables: Sequence[Table], logs: Mapping[str, Log]) -> None:
    """Write metrics.json and plots/ into a report's out/; `logs` are those of the stages by name."""
    figures = {table.name: _figures(table) for table in tables}
    lines.write_json(result / METRICS, figures if list(figures) != [""] else figures[""])
    for table in tables:
        rows = [{"model": label, **row} for label, row in figures[table.name].items()]
        _write(result / answers_plot(table.name), rows)
    for stage, log in logs.items():
        _write(result / training_plot(stage), curves(log))


def _figures(table: Table) -> dict[str, dict[str, float]]:
    return {label: {name: getattr(row, name) for name in FIGURES} for label, row in table.rows.items()}


def curves(log: Log) -> list[dict[str, float | None]]:
    """The steps of a log, each with every number that any trainer logs or this one logged: DVC draws nothing of a file
    whose records differ in what they have. What a step lacks is null, which is not drawn."""
    named = (name for name in report_curves.NAMES if not name.endswith("/"))
    names = dict.fromkeys((_STEP, *named, *(name for entry in log for name in entry)))
    return [{name: entry.get(name) for name in names} for entry in log]


def _write(path: Path, records: Sequence[Mapping[str, object]]) -> None:
    """A JSON array, a record on each line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = ",\n".join(json.dumps(record, ensure_ascii=False, allow_nan=False) for record in records)
    path.write_text(f"[\n{told}\n]\n", encoding="utf-8")
