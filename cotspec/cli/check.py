"""`cotspec check`: everything `build` finds, and nothing written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from cotspec.cli import findings, project
from cotspec.passes.options import DEFAULT, Options


def paths(words: Sequence[str]) -> int:
    """`cotspec check PATH…` without an option. Returns the exit code. Raises ProblemError."""
    return run([Path(word) for word in words], output="text", options=DEFAULT)


def run(specs: Sequence[Path], *, output: findings.Format, options: Options) -> int:
    """Return the exit code: 1 when a finding is an error. Raises ProblemError."""
    from cotspec.compiler import plan_specs
    from cotspec.diagnostics import Sink
    from cotspec.front import local
    from cotspec.ir.preflight import hub_models

    root = project.find_root(Path.cwd())
    chosen = project.chosen(root, specs)
    sink = Sink()
    plan = plan_specs(chosen, sink, options)
    local.check(root, sink, None if plan is None else lambda: hub_models(plan.tasks))
    if options.ci:
        sink.harden()
    findings.report(sink, stream=sys.stdout, root=root, output=output)
    if output == "text" and not sink.findings:
        print(f"no findings in {len(chosen)} {'spec' if len(chosen) == 1 else 'specs'}")
    return 1 if sink.failed else 0
