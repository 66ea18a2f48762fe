"""Gates that never decide and branches that are never taken."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot.reward_trial import Branch
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning
from cotspec.passes.rewards import Judged, judged

_STAGE = "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve"
_GATE = "gates: [{unless: correct, reward: -1}]"

RULE = Rule(
    slug="reward-unreachable",
    claim="Every gate decides some response, and every branch of `if` is taken by one.",
    why="A gate decides alone: what comes after it only sees the completions that passed. A penalty for wrong answers "
    "behind a gate on right ones is never given, however large it looks. "
    "Tried on common and extreme responses: what none of them takes may still be taken by a rare one.",
    failing=f"stages: {{first: {{{_STAGE}, reward: {{{_GATE}, terms: {{a: {{value: 1 if correct else -5}}}}}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, reward: {{{_GATE}, terms: {{a: {{value: 1 if formatted else 0}}}}}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every reward."""
    for one in judged(context):
        yield from _gates(one)
        for branch in one.trial.untaken:
            yield _branch(one, branch)


def _gates(one: Judged) -> Iterator[Diagnostic]:
    stopped, closed = one.trial.stops, 0
    for number, gate in enumerate(one.reward.gates):
        span, count = one.whole(("gates", number, "unless")), f"{len(stopped):,} tried responses"
        if not any(at >= number for at in stopped):
            message = f"none of {count} gets to gate {number + 1}: gate {closed} decides them all"
            yield warning(RULE, span, message, "leave it out, or put it first")
        elif not any(at > number for at in stopped):
            closed = number + 1
            message = f"none of {count} passes gate {number + 1}: `{gate.unless}` never holds, so no term is computed"
            yield warning(RULE, span, message, "a gate lets those through for which the condition holds")
        elif number not in stopped:
            after = " after the gates above" if number else ""
            message = f"gate {number + 1} decides none of {count}: `{gate.unless}` always holds{after}"
            yield warning(RULE, span, message, "leave it out, or put it first")


def _branch(one: Judged, branch: Branch) -> Diagnostic:
    always = "holds" if branch.taken else "is false"
    why = " that pass the gates" if branch.by_gates else ""
    message = (
        f"none of {len(one.trial.all):,} tried responses gets `{branch.part.text}`: "
        f"`{branch.test.text}` {always} for all{why}"
    )
    return warning(RULE, one.span(branch.part), message, "leave the branch out, or change the condition")
