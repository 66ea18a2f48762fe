"""`cotspec status`: how far every experiment is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal


def run(specs: Sequence[Path], *, output: Literal["text", "csv", "json", "markdown"]) -> int:
    """Return the exit code: 1 when a spec has errors. Raises ProblemError."""
    from cotspec.cli.results import collected
    from cotspec.views import diff

    outcomes = collected(specs)
    if outcomes is None:
        return 1
    rows = [(each.name, each.state, str(each.done), str(each.total)) for each in outcomes]
    head = ("experiment", "state", "done", "tasks")
    match output:
        case "text":
            width = max(len(name) for name, *_ in rows)
            for name, state, done, total in rows:
                print(f"{name:<{width}}  {state:<11}  {done} of {total} tasks")
        case "csv":
            print("\n".join(",".join(row) for row in (head, *rows)))
        case "json":
            print(json.dumps([dict(zip(head, row, strict=True)) for row in rows], indent=2))
        case "markdown":
            print(diff.table(head, rows))
    return 0
