"""Names of the models and data sets that come with cotspec."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.builtin import registry
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, misnamed

RULE = Rule(
    slug="builtin-name",
    claim="A `builtin:` names a model or data set that comes with cotspec, and a split it has.",
    why="There is nothing else it could load.",
    failing="models: {base: {builtin: tiny-pupil}}\n",
    passing="models: {base: {builtin: tiny-student}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every builtin model and data set."""
    for name, model in context.experiment.models.items():
        if model.builtin is not None and model.builtin not in registry.MODELS:
            span = context.source.value(("models", name, "builtin"))
            message = f"there is no builtin model `{model.builtin}`"
            yield misnamed(RULE, span, message, model.builtin, registry.MODELS)
    for name, data in context.experiment.data.items():
        if data.builtin is None:
            continue
        if data.builtin not in registry.DATA:
            span = context.source.value(("data", name, "builtin"))
            message = f"there is no builtin data set `{data.builtin}`"
            yield misnamed(RULE, span, message, data.builtin, registry.DATA)
        elif data.split is not None and data.split not in registry.DATA[data.builtin]:
            span = context.source.value(("data", name, "split"))
            message = f"`{data.builtin}` has no split `{data.split}`"
            yield misnamed(RULE, span, message, data.split, registry.DATA[data.builtin])
