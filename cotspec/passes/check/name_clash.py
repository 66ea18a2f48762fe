"""One name for a model and a stage."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.spec.training import SELF, Taught

_REST = "train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve"

RULE = Rule(
    slug="name-clash",
    claim="No stage has the name of a model, and where a stage has a teacher nothing is called `self`.",
    why="`start` and `evaluate.of` take both, and could not say which is meant.",
    failing=f"stages: {{base: {{start: tutor, {_REST}}}}}\n",
    passing=f"stages: {{first: {{start: base, {_REST}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every stage."""
    for path, name, _ in context.stages():
        if name in context.experiment.models:
            first = ((context.source.key(("models", name)), "is the model"),)
            message = f"`{name}` is already the name of a model"
            yield finding(RULE, context.source.key(path), message, "give the stage another name", related=first)
    if any(isinstance(stage.train, Taught) for _, _, stage in context.stages()):
        for place in (("models", SELF), ("stages", SELF)):
            if place in context.source.keys:
                message = f"as a teacher, `{SELF}` is the weights that a stage starts from"
                yield finding(RULE, context.source.key(place), message, "give it another name")
