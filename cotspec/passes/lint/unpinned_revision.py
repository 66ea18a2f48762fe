"""Hub models and data sets that can change under a spec."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source import Path
from cotspec.passes.check.context import Context, warning

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REVISION = "revision: 0123456789abcdef0123456789abcdef01234567"

RULE = Rule(
    slug="unpinned-revision",
    claim="A model or data set of the hub is pinned to a commit.",
    why="A branch or a tag can be moved: the same spec would train on other weights or questions next month, "
    "and nobody could repeat the run.",
    failing="models: {more: {hub: a/b}}\n",
    passing=f"models: {{more: {{hub: a/b, {_REVISION}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every model and data set of the hub."""
    for name, model in context.experiment.models.items():
        if model.hub is not None:
            yield from _pinned(context, ("models", name), model.hub, model.revision)
    for name, data in context.experiment.data.items():
        if data.hub is not None:
            yield from _pinned(context, ("data", name), data.hub, data.revision)


def _pinned(context: Context, path: Path, hub: str, revision: str | None) -> Iterator[Diagnostic]:
    if revision is None:
        span, message = context.source.value((*path, "hub")), f"`{hub}` is not pinned to a commit"
        yield warning(RULE, span, message, "add `revision:` with the commit's 40 hex digits")
    elif not _COMMIT.fullmatch(revision):
        span, message = context.source.value((*path, "revision")), f"`{revision}` is a branch or a tag of `{hub}`"
        yield warning(RULE, span, message, "give the commit's 40 hex digits: branches and tags can be moved")
