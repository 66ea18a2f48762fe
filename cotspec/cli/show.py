"""`cotspec show SPEC[@VARIANT]`: the resolved spec, and where each value came from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cotspec.cli import findings, project
from cotspec.cli.selection import member, selected

if TYPE_CHECKING:
    from cotspec.views.resolved import Setting


def run(text: str, *, output: Literal["yaml", "json"]) -> int:
    """Return the exit code: 1 when the spec has errors. Raises ProblemError."""
    from cotspec.compiler import check_specs
    from cotspec.diagnostics import Sink
    from cotspec.views import resolved

    selection = selected(project.find_root(Path.cwd()), text)
    sink = Sink()
    checked = check_specs({selection.place: selection.path}, sink)
    if checked is None:
        findings.show(sink, stream=sys.stderr)
        return 1
    unit, base = member(checked.units, selection)
    own = base.loaded if unit is not base else None
    if output == "yaml":
        print(f"# {selection.text}: every value, and where it was written\n{resolved.yaml(unit.loaded, own)}", end="")
    else:
        findings.as_json([_record(one) for one in resolved.settings(unit.loaded, own)])
    return 0


def _record(setting: Setting) -> dict[str, object]:
    span = setting.span
    place = {} if span is None else {"file": span.file, "line": span.line, "column": span.column}
    path = ".".join(map(str, setting.path))
    return {"path": path, "value": setting.value, "origin": setting.origin, **place}
