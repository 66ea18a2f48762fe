"""Gates that never decide and branches that are never taken."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot.reward_bounds import Dead
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding, warning
from cotspec.passes.rewards import Judged, judged

_STAGE = "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve"
_GATE = "gates: [{unless: correct, reward: -1}]"

RULE = Rule(
    slug="reward-unreachable",
    claim="Every gate can decide, and every branch of `if` can be taken.",
    why="A gate decides alone: what comes after it only sees the completions that passed. A penalty for wrong answers "
    "behind a gate on right ones is never given, however large it looks.",
    failing=f"stages: {{first: {{{_STAGE}, reward: {{{_GATE}, terms: {{a: {{value: 1 if correct else -5}}}}}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, reward: {{{_GATE}, terms: {{a: {{value: 1 if formatted else 0}}}}}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every reward."""
    for one in judged(context):
        yield from _gates(one)
        for dead in one.analysis.dead:
            yield _branch(one, dead)


def _gates(one: Judged) -> Iterator[Diagnostic]:
    closed = 0
    for number, (gate, reach) in enumerate(zip(one.reward.gates, one.analysis.gates, strict=True)):
        span = one.whole(("gates", number, "unless"))
        if not reach.reached:
            message = f"no completion gets to gate {number + 1}: gate {closed} decides them all"
            yield warning(RULE, span, message, "leave it out, or put it first")
        elif not reach.passes:
            closed = number + 1
            message = f"nothing passes gate {number + 1}: `{gate.unless}` never holds, so no term is ever computed"
            yield finding(RULE, span, message, "a gate lets those through for which the condition holds")
        elif not reach.fails:
            after = " after the gates above" if number else ""
            message = f"gate {number + 1} never decides: `{gate.unless}` always holds{after}"
            yield warning(RULE, span, message, "leave it out, or put it first")


def _branch(one: Judged, dead: Dead) -> Diagnostic:
    always = "holds" if dead.taken else "is false"
    why = ", the gates have decided that" if dead.by_gates else ""
    message = f"`{dead.branch.text}` is never taken: `{dead.test.text}` always {always} here{why}"
    return warning(RULE, one.span(dead.branch), message, "leave the branch out, or change the condition")
