"""`cotspec status`: how far every experiment is, and what SLURM has of it."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from typing import Literal


def run(specs: Sequence[str], *, output: Literal["text", "csv", "json", "markdown"]) -> int:
    """Return the exit code: 1 when a spec has errors. Raises ProblemError."""
    from cotspec.cli import findings
    from cotspec.cli.results import collected
    from cotspec.views import diff
    from cotspec.views.paint import STATES, painter

    all_outcomes = collected(specs, queued=True)
    if all_outcomes is None:
        return 1
    outcomes = list({each.name: each for each in reversed(all_outcomes)}.values())[::-1]  # the first set stands for all
    rows = [(each.name, each.state, str(each.done), str(each.total), "; ".join(each.notes)) for each in outcomes]
    head = ("experiment", "state", "done", "tasks", "notes")
    match output:
        case "text":
            paint = painter(findings.colour(sys.stdout))
            width, wide = (max(len(row[column]) for row in rows) for column in (0, 1))
            for each, (name, state, done, total, _) in zip(outcomes, rows, strict=True):
                shown = paint(f"{state:<{max(wide, 11)}}", STATES.get(state, ""))
                print(f"{name:<{width}}  {shown}  {done} of {total} tasks")
                for note in each.notes:
                    print(f"{'':<{width}}  {paint(note, 'dim')}")
        case "csv":
            csv.writer(sys.stdout, lineterminator="\n").writerows((head, *rows))
        case "json":
            findings.as_json([dict(zip(head, row, strict=True)) for row in rows])
        case "markdown":
            print(diff.table(head, [[diff.escaped(cell) for cell in row] for row in rows]))
    return 0
