"""Expressions of rewards."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot.rewards import Finding, check_reward
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.ir import bodies, generations
from cotspec.passes.check.context import Context, expression_finding
from cotspec.spec.experiment import Reward

_STAGE = "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve"

RULE = Rule(
    slug="reward-expression",
    claim="A reward expression uses only the measures, names and functions there are, with the right types.",
    why="It is computed for every completion; what cannot be computed would stop the training or score nothing.",
    failing=f"stages: {{first: {{{_STAGE}, reward: {{terms: {{a: {{value: 1 / wrods if correct else 0}}}}}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, reward: {{terms: {{a: {{value: 1 / words if correct else 0}}}}}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every reward."""
    for path, _, stage in context.stages():
        if stage.reward is not None:
            form = bodies.trace_format(context.experiment.trace).form
            texts = generations.asked_texts(context.experiment, stage)
            for found in check_reward(bodies.reward(stage.reward), form, texts):
                yield _finding(context, (*path, "reward"), stage.reward, found)


def _finding(context: Context, path: Path, reward: Reward, found: Finding) -> Diagnostic:
    place, text = (*path, *found.place), bodies.expression_at(reward, found.place)
    said = expression_finding(context, RULE, place, text, found.problem)
    return said._replace(span=context.source.key(place)) if found.at_key or not text else said
