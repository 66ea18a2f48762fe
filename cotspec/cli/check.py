"""`cotspec check`: everything `build` finds, and nothing written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from cotspec.cli import findings, project
from cotspec.cli.selection import Named, named
from cotspec.passes.options import DEFAULT, Options


def plain(words: Sequence[str]) -> int:
    """`cotspec check SPEC[@VARIANT]…` without an option. Returns the exit code. Raises ProblemError."""
    return run(words, output="text", options=DEFAULT)


def run(specs: Sequence[str], *, output: findings.Format, options: Options) -> int:
    """Return the exit code: 1 when a finding is an error. Raises ProblemError."""
    from cotspec.compiler import check_specs
    from cotspec.diagnostics import Sink
    from cotspec.front import local

    root = project.find_root(Path.cwd())
    given = named(root, specs)
    sink = Sink()
    checked = check_specs(given.specs, sink, options, given.variants)
    if checked is not None:
        given.of(checked.units)
    local.check(root, sink, lambda: project.known(root, given.specs.values()))
    if options.ci:
        sink.harden()
    findings.report(sink, stream=sys.stdout, root=root, output=output)
    if output == "text" and not sink.findings:
        print(f"no findings in {_looked_at(given)}")
    return 1 if sink.failed else 0


def of_local() -> int:
    """The findings of the project's cotspec.local.yaml alone, as JSON. Returns the exit code."""
    from cotspec.diagnostics import Sink
    from cotspec.front import local

    root, sink = project.find_root(Path.cwd()), Sink()
    local.check(root, sink, lambda: project.known(root))
    findings.report(sink, stream=sys.stdout, root=root, output="json")
    return 1 if sink.failed else 0


def _looked_at(given: Named) -> str:
    if given.variants:
        return ", ".join(each.text for each in given.selections)
    return f"{len(given.specs)} {'spec' if len(given.specs) == 1 else 'specs'}"
