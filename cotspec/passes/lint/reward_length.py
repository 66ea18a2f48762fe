"""Rewards that ask for longer completions than are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.cot import witness
from cotspec.cot.limits import TEACHER
from cotspec.cot.reward_bounds import Part
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes import seen
from cotspec.passes.check.context import Context, warning
from cotspec.passes.rewards import Judged, judged, prompt

_STAGE = "start: base, rows: {from: teach}, task: solve"
_TERM = "terms: {short: {value: 0 if words <= 100 * teacher_steps else -0.5}}"
_REWARD = f"reward: {{gates: [{{unless: correct, reward: -1}}], {_TERM}}}"

RULE = Rule(
    slug="reward-length",
    claim="The lengths a reward asks for or allows fit into `max_new_tokens`.",
    why="A word is at least a token. A completion that uses the length it is given is cut before its answer, and is "
    "scored as wrong: the student learns that its budget is a trap.",
    failing=f"stages: {{first: {{{_STAGE}, train: {{by: grpo, lr: 1e-5}}, {_REWARD}}}}}\n",
    passing="teach: {model: tutor, data: train, keep: {steps: {at_least: 1, at_most: 5}}}\n"
    f"stages: {{first: {{{_STAGE}, train: {{by: grpo, lr: 1e-5, sampling: {{max_new_tokens: 768}}}}, {_REWARD}}}}}\n",
)

_ADVICE: Final = "raise `train.sampling.max_new_tokens`, or ask for less"


def check(context: Context) -> Iterator[Diagnostic]:
    """Every reward that reads a length."""
    for one in judged(context):
        if {"words", "tokens"} & {name for name, _ in one.analysis.compiled.measures}:
            yield from _best(one)
            yield from _allowed(one)


def _best(one: Judged) -> Iterator[Diagnostic]:
    found = witness.best_beyond(one.analysis)
    if found is None:
        return
    reads = {name for name, _ in one.analysis.compiled.measures}
    trace = prompt(found.measures, reads)
    start = f"for {trace}, " if trace else ""
    limit = one.train.sampling.max_new_tokens
    words = int(found.measures["words"])
    message = f"{start}the reward is highest at {words} words, and `max_new_tokens` {limit} holds fewer"
    yield warning(RULE, one.context.source.key(one.path), message, _ADVICE)


def _allowed(one: Judged) -> Iterator[Diagnostic]:
    """The first such length: the others of a reward are mostly parts of it."""
    for place, _, side in one.analysis.compared:
        part = Part(place=place, parsed=one.analysis.parts[place], tree=side)
        names = one.analysis.names(side)
        found = list(_side(one, part)) if names and names <= set(TEACHER) else []
        if found:
            yield from found
            return


def _side(one: Judged, part: Part) -> Iterator[Diagnostic]:
    """A length that is computed from the teacher's trace, where it is beyond the limit."""
    limit, records = one.train.sampling.max_new_tokens, seen.records(one.context, one.stage)
    if records:
        sizes = [(record.steps, record.words, record.tokens) for record in records]
        lengths = {size: witness.length(one.analysis, part.tree, *size) for size in set(sizes)}
        over = sum((lengths[size] or 0.0) > limit for size in sizes)
        if not seen.rare(over, len(sizes)):
            message = f"`{part.text}` is above `max_new_tokens` {limit} in {seen.of_traces(over, len(sizes))}"
            yield warning(RULE, one.span(part), message, _ADVICE)
        return
    for teacher in witness.step_teachers(one.analysis, part.tree):
        length = witness.length(one.analysis, part.tree, *(int(teacher[name]) for name in TEACHER))
        if length is not None and length > limit:
            steps = int(teacher["teacher_steps"])
            count = f"{steps} step{'s' * (steps > 1)}"
            message = (
                f"`{part.text}` is {length:g} for a trace of {count}, and `max_new_tokens` {limit} holds fewer words"
            )
            yield warning(RULE, one.span(part), message, _ADVICE)
            return
