"""Terms that are the same for all completions."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot.limits import TEACHER
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
    """Every term."""
    for one in judged(context):
        for name, node, _ in one.analysis.compiled.terms:
            yield from _term(one, name, frozenset(node.reads))


def _term(one: Judged, name: str, reads: frozenset[str]) -> Iterator[Diagnostic]:
    given, value = one.reward.terms[name].weight, one.analysis.terms[name]
    if (given.from_ == given.to == 0.0) if isinstance(given, Ramp) else given == 0.0:
        span = one.context.source.value((*one.path, "terms", name, "weight"))
        yield warning(RULE, span, f"`{name}` adds nothing: its weight is 0", "give it a weight, or leave the term out")
        return
    if value is None or any(dead.branch.place[:2] == ("terms", name) for dead in one.analysis.dead):
        return  # nobody gets here, or another rule has said what is constant about it
    span, decided = one.whole(("terms", name, "value")), any(gate.fails for gate in one.analysis.gates)
    if value.fixed and value.low == 0.0:
        message = f"`{name}` adds nothing: it is 0 for every completion{' that passes the gates' if decided else ''}"
        yield warning(RULE, span, message, "leave the term out, or change it")
    elif value.fixed and not decided:
        message = (
            f"`{name}` is {value.low:g} for every completion, and no gate keeps it from any: it changes no advantage"
        )
        yield warning(RULE, span, message, "leave it out, or make it depend on the completion")
    elif reads <= set(TEACHER) and not decided:
        message = (
            f"`{name}` depends on the teacher's trace only, so it is the same in a whole group: no advantage changes"
        )
        yield warning(RULE, span, message, "compare it with `steps`, `words` or `tokens` of the completion")
