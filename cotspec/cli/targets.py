"""`cotspec targets SPEC[@VARIANT]…`: the DVC stages that bring experiments up to date, for `dvc repro $(…)`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from cotspec.cli import findings, project
from cotspec.cli.selection import named


def run(texts: Sequence[str]) -> int:
    """Return the exit code: 1 when a spec has errors. Raises ProblemError."""
    from cotspec.back.places import report_folder, target
    from cotspec.compiler import check_specs
    from cotspec.diagnostics import Sink

    root = project.find_root(Path.cwd())
    given = named(root, texts)
    sink = Sink()
    checked = check_specs(given.specs, sink)
    if checked is None:
        findings.show(sink, stream=sys.stderr)
        return 1
    print("\n".join(target(report_folder(unit.name)) for unit in given.of(checked.units)))
    return 0
