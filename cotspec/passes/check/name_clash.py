"""One name for two things."""

from __future__ import annotations

import keyword
from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.spec.training import SELF, Taught

RESERVED = frozenset({"question", "answer", "trace", "text", "group"})
"""What a prompt or an expression calls something else."""
_REST = "train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve"

RULE = Rule(
    slug="name-clash",
    claim="No stage has the name of a model, no generation that of a data set or a word of expressions, and where a "
    "stage has a teacher nothing is called `self`.",
    why="`start`, `by` and `over` take both, and could not say which is meant. Conditions and prompts name texts.",
    failing=f"stages: {{base: {{start: tutor, {_REST}}}}}\n",
    passing=f"stages: {{first: {{start: base, {_REST}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every stage and generation."""
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
    for name in context.experiment.generate:
        span = context.source.key(("generate", name))
        if name in context.experiment.data:
            first = ((context.source.key(("data", name)), "is the data set"),)
            message = f"`{name}` is already the name of a data set"
            yield finding(RULE, span, message, "give the generation another name", related=first)
        elif name in RESERVED or keyword.iskeyword(name):
            message = f"`{name}` is a word of conditions and prompts"
            yield finding(RULE, span, message, "give the generation another name")
