"""Stages whose result nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes import ancestry
from cotspec.passes.check.context import Context, unused

_STAGE = "train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve"

RULE = Rule(
    slug="unused-stage",
    claim="A stage is evaluated, or another one starts from it, reads what it writes or is taught by it.",
    why="It is trained all the same, and the report does not show it: GPU hours for a model that nobody looks at.",
    failing=f"stages: {{first: {{start: base, {_STAGE}}}, aside: {{start: base, {_STAGE}}}}}\n",
    passing=f"stages: {{first: {{start: base, {_STAGE}}}}}\n",
    everywhere=True,
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage."""
    spec = context.experiment
    used = set(spec.evaluate.of)
    for _, _, stage in context.stages():
        used |= {name for _, name in ancestry.used(stage)}
    used |= {each.by for each in spec.generate.values()}
    used |= {name for each in spec.generate.values() for name in each.others.values()}
    for path, name, _ in context.stages():
        if name not in used:
            message = f"stage `{name}` is trained and neither evaluated nor followed by another"
            advice = "add it to `evaluate.of`, or leave it out"
            yield unused(context, RULE, path, message, spec.stages, advice)
