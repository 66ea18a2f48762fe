"""Models and data sets come from exactly one place."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import either, listed
from cotspec.passes.check.context import Context, finding
from cotspec.spec.data import DATA_SOURCES
from cotspec.spec.models import MODEL_SOURCES

RULE = Rule(
    slug="source-choice",
    claim="A model or data set comes from exactly one place.",
    why="With two places one would silently win; with none there is nothing to load.",
    failing="models: {base: {hub: a/b, builtin: tiny-student}}\n",
    passing="models: {base: {builtin: tiny-student}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every model and data set."""
    for name, model in context.experiment.models.items():
        given = [key for key in MODEL_SOURCES if getattr(model, key) is not None]
        yield from _one(context, ("models", name), "model", given, MODEL_SOURCES)
    for name, data in context.experiment.data.items():
        given = [key for key in DATA_SOURCES if getattr(data, key) is not None]
        yield from _one(context, ("data", name), "data set", given, DATA_SOURCES)


def _one(context: Context, path: Path, what: str, given: list[str], choices: tuple[str, ...]) -> Iterator[Diagnostic]:
    if not given:
        message = f"{what} `{path[-1]}` comes from nowhere"
        yield finding(RULE, context.source.key(path), message, f"give {either(choices)}")
    elif len(given) > 1:
        message = f"{what} `{path[-1]}` has {listed(given)}"
        yield finding(RULE, context.source.key((*path, given[1])), message, "keep one of them")
