"""`cotspec targets SPEC[@VARIANT]…`: the DVC stages that bring experiments up to date, for `dvc repro $(…)`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from cotspec.cli import findings, project
from cotspec.cli.selection import member, selected


def run(texts: Sequence[str]) -> int:
    """Return the exit code: 1 when a spec has errors. Raises ProblemError."""
    from cotspec.back.places import report_folder, target
    from cotspec.compiler import check_specs
    from cotspec.diagnostics import Sink

    root = project.find_root(Path.cwd())
    selections = [selected(root, text) for text in texts]
    sink = Sink()
    checked = check_specs({each.place: each.path for each in selections}, sink)
    if checked is None:
        findings.show(sink, stream=sys.stderr)
        return 1
    names: dict[str, None] = {}
    for each in selections:
        whole = [unit for unit in checked.units if unit.place == each.place]
        chosen = [member(checked.units, each)[0]] if each.variant else whole
        names.update(dict.fromkeys(target(report_folder(unit.name)) for unit in chosen))
    print("\n".join(names))
    return 0
