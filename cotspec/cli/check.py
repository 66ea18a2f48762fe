"""`cotspec check`: everything `build` finds, and nothing written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from cotspec.cli import findings, project
from cotspec.passes.options import Options


def run(specs: Sequence[Path], *, output: findings.Format, options: Options) -> int:
    """Return the exit code: 1 when a finding is an error. Raises ProblemError."""
    from cotspec.compiler import plan_specs
    from cotspec.diagnostics import Sink
    from cotspec.front import local

    root = project.find_root(Path.cwd())
    paths = project.chosen(root, specs)
    sink = Sink()
    plan_specs(paths, sink, options)
    local.check(root, sink)
    findings.report(sink, stream=sys.stdout, root=root, output=output)
    if output == "text" and not sink.findings:
        print(f"no findings in {len(paths)} {'spec' if len(paths) == 1 else 'specs'}")
    return 1 if sink.failed else 0
