"""An id of the hub is no path of this machine."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.spec.local import ELSEWHERE

RULE = Rule(
    slug="hub-id",
    claim="`hub` is an id, `owner/name`, and no path.",
    why="Other tools take a folder where an id stands. A spec is shared and says which model or data it means; where "
    "this machine keeps them stands in `cotspec.local.yaml`, and what lies in the project is `path` or `file`.",
    failing="models: {more: {hub: ./weights/model}}\n",
    passing="models: {more: {path: weights/model}}\n",
)
_PATHS = ("/", "./", "../", "~", ".\\", "..\\")


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every model and data set of the hub."""
    experiment = context.experiment
    for kind, named in (("models", experiment.models), ("data", experiment.data)):
        for name, source in named.items():
            if (id := source.hub or "").startswith(_PATHS):
                own = "`path`, a folder of the project" if kind == "models" else "`file`, a file of the project"
                advice = f"write {own}, as seen from the spec"
                if kind == "models":
                    advice += f"; {ELSEWHERE.format(id)}"
                message = f"`{id}` is a path, and `hub` an id, `owner/name`"
                yield finding(RULE, context.source.value((kind, name, "hub")), message, advice)
