"""Names of `let` that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning
from cotspec.passes.rewards import judged

_STAGE = "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve"
_GATE = "gates: [{unless: correct, reward: -1}]"

RULE = Rule(
    slug="reward-unused",
    claim="Every name of `let` is used.",
    why="It was probably meant to be, and the expression that should use it has a number of its own instead.",
    failing=f"stages: {{first: {{{_STAGE}, reward: {{{_GATE}, let: {{budget: 200}}, "
    "terms: {short: {value: 1 / words}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, reward: {{{_GATE}, let: {{budget: 200}}, "
    "terms: {short: {value: 1 - words / budget / 3}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every reward."""
    for one in judged(context):
        for name in one.reward.let:
            if name in one.trial.compiled.unused:
                span = context.source.key((*one.path, "let", name))
                yield warning(RULE, span, f"nothing uses `{name}`", "use it in a gate or a term, or leave it out")
