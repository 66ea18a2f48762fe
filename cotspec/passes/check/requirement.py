"""How `advance.require` is written."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.ir import bodies
from cotspec.passes.check.advance_metric import known
from cotspec.passes.check.context import Context, finding

_STAGE = (
    "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve, "
    "reward: {terms: {a: {value: 1 if correct else 0}}}, advance: {require:"
)

RULE = Rule(
    slug="requirement",
    claim="A requirement is a comparison with a number.",
    why="A transition that cannot be decided would stop the pipeline after the stage was trained.",
    failing=f"stages: {{first: {{{_STAGE} {{train.formatted: 0.9 or more}}}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{train.formatted: '>= 0.9'}}}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every requirement of every transition."""
    for path, _, stage in context.stages():
        for metric, text in (stage.advance.require if stage.advance else {}).items():
            if metric not in known(stage):
                continue  # one finding is enough for an entry that is none
            try:
                bodies.requirement(metric, text)
            except ValueError:
                span = context.source.value((*path, "advance", "require", metric))
                message = f"`{text}` is not a comparison with a number"
                yield finding(RULE, span, message, 'write `">= 0.9"`, with one of < <= == != >= >')
