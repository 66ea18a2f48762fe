"""Terms that are the same for all completions."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot.expr import Node
from cotspec.cot.measures import AMONG
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning
from cotspec.passes.rewards import Judged, judged
from cotspec.spec.experiment import Ramp

_STAGE = "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve"

RULE = Rule(
    slug="reward-constant",
    claim="Every term differs between completions of one prompt, or between those that pass the gates and the others.",
    why="An advantage is a reward less the mean of its group. What all completions of a group get alike, because it is "
    "a constant or depends on the teacher's trace only, drops out and teaches nothing.",
    failing=f"stages: {{first: {{{_STAGE}, reward: {{terms: {{base: {{value: 1}}, "
    "solved: {value: 1 if correct else 0}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, reward: {{gates: [{{unless: correct, reward: 0}}], "
    "terms: {base: {value: 1}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every term."""
    for one in judged(context):
        for name, node, _ in one.trial.compiled.terms:
            yield from _term(one, name, node)


def _term(one: Judged, name: str, node: Node) -> Iterator[Diagnostic]:
    given, trial = one.reward.terms[name].weight, one.trial
    if (given.from_ == given.to == 0.0) if isinstance(given, Ramp) else given == 0.0:
        span = one.context.source.value((*one.path, "terms", name, "weight"))
        yield warning(RULE, span, f"`{name}` adds nothing: its weight is 0", "give it a weight, or leave the term out")
        return
    values = {value for _, value in trial.values(name)}
    if not values:
        return  # nobody gets here
    if len(values) == 1 and any(dead.part.place[:2] == ("terms", name) for dead in trial.untaken):
        return  # another rule has said what is constant about it
    span, decided = one.whole(("terms", name, "value")), len(trial.passed) < len(trial.all)
    each = "every response" if node.constant is not None else f"all {len(trial.passed):,} tried responses"
    if values == {0.0}:
        message = f"`{name}` adds nothing: it is 0 for {each}{' past the gates' if decided else ''}"
        yield warning(RULE, span, message, "leave the term out, or change it")
    elif len(values) == 1 and not decided:
        message = f"`{name}` is {values.pop():g} for {each}, and no gate keeps it from any: it changes no advantage"
        yield warning(RULE, span, message, "leave it out, or make it depend on the response")
    elif all(one.trial.table[measure].of_prompt for measure in node.reads) and not decided:
        what = "the group as a whole" if node.reads & set(AMONG) else "the teacher's trace"
        message = f"`{name}` depends on {what} only, so it is the same in a whole group: no advantage changes"
        yield warning(RULE, span, message, "compare it with `steps`, `words` or `tokens` of the response")
