"""Expressions of rewards."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot.rewards import Finding, Place, check_reward
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.ir import bodies, generations
from cotspec.passes import unknown_measures
from cotspec.passes.check.context import Context, expression_finding
from cotspec.spec.experiment import Reward, Stage

_STAGE = "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve"

RULE = Rule(
    slug="reward-expression",
    claim="A reward expression uses only the measures, names and functions there are, with the right types.",
    why="It is computed for every completion; what cannot be computed would stop the training or score nothing.",
    failing=f"stages: {{first: {{{_STAGE}, reward: {{terms: {{a: {{value: 1 / wrods if correct else 0}}}}}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, reward: {{terms: {{a: {{value: 1 / words if correct else 0}}}}}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every reward."""
    for path, _, stage in context.stages():
        if stage.reward is None:
            continue
        form = bodies.trace_format(context.experiment.trace).form
        texts = (*generations.asked_texts(context.experiment, stage), *sorted(stage.judges))
        vain = list(_vain(context, stage, stage.reward))
        told = {(each.place, each.problem.column) for each in vain}
        wrong = check_reward(bodies.reward(stage.reward), form, texts)
        for problem in (*(each for each in wrong if (each.place, each.problem.column) not in told), *vain):
            yield _finding(context, (*path, "reward"), stage.reward, problem)


def _vain(context: Context, stage: Stage, reward: Reward) -> Iterator[Finding]:
    """What it asks for and nobody knows."""
    if not all(generations.data_of(context.experiment, source.from_) for source in stage.sources):
        return  # a rule of its own says that there are no such texts
    known_not = unknown_measures.of_rows(context.experiment, stage)
    places: list[Place] = [("gates", number, "unless") for number in range(len(reward.gates))]
    places += [("let", name) for name in reward.let]
    places += [("terms", name, "value") for name in reward.terms]
    for place in places:
        for problem in unknown_measures.asked(bodies.expression_at(reward, place), known_not):
            yield Finding(place, problem)


def _finding(context: Context, path: Path, reward: Reward, problem: Finding) -> Diagnostic:
    place, text = (*path, *problem.place), bodies.expression_at(reward, problem.place)
    said = expression_finding(context, RULE, place, text, problem.problem)
    return said._replace(span=context.source.key(place)) if problem.at_key or not text else said
