"""Rewards that ask for longer completions than are drawn."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final

from cotspec.cot.reward_trial import SubExpression, Trial, Tried, value_of
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.history import traces
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
    passing="generate: {teach: {by: tutor, over: train, keep: {where: teach.steps >= 1 and teach.steps <= 5}}}\n"
    f"stages: {{first: {{{_STAGE}, train: {{by: grpo, lr: 1e-5, sampling: {{max_new_tokens: 768}}}}, {_REWARD}}}}}\n",
)

_LENGTHS: Final = ("words", "tokens")
_TEACHER: Final = ("teacher_steps", "teacher_words", "teacher_tokens")
_ADVICE: Final = "raise `train.sampling.max_new_tokens`, or ask for less"


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every reward that reads a length."""
    for one in judged(context):
        if one.trial.reads & set(_LENGTHS):
            yield from _best(one)
            yield from _allowed(one)


def _best(one: Judged) -> Iterator[Diagnostic]:
    limit, shown = one.train.sampling.max_new_tokens, _beyond(one.trial)
    if shown is not None:
        trace, words = prompt(shown.measures, one.trial.reads), int(shown.measures["words"])
        start = f"for {trace}, " if trace else ""
        message = f"{start}the reward is highest at {words} words, and `max_new_tokens` {limit} holds fewer"
        yield warning(RULE, one.context.source.key(one.path), message, _ADVICE)


@lru_cache(maxsize=256)
def _beyond(trial: Trial) -> Tried | None:
    """A right response longer than is drawn that scores more than every right one of a length that is."""
    limit = trial.limits.tokens
    for question in (each for each in trial.questions if each.usual):
        made = (each for each in trial.responses(question, longest=4 * limit) if each.usual)
        right = trial.scored(each for each in made if each.measures["correct"])
        right = [each for each in right if each.score.total is not None]
        near = [each.total for each in right if each.measures["tokens"] <= limit]
        far = [each for each in right if each.measures["words"] > limit]
        best = max((each.total for each in far), default=-math.inf)
        if near and best > max(near) + 1e-9:
            return min((each for each in far if each.total == best), key=lambda each: each.measures["words"])
    return None


def _allowed(one: Judged) -> Iterator[Diagnostic]:
    """The first such length: the others of a reward are mostly parts of it."""
    for part in one.trial.parts:
        if isinstance(part.tree, ast.Compare):
            for side in _sides(part.tree):
                names = one.trial.part(side).node.reads
                if names and all(one.trial.table[name].of_prompt for name in names):
                    findings = list(_side(one, one.trial.part(side)))
                    yield from findings
                    if findings:
                        return


def _sides(tree: ast.Compare) -> Iterator[ast.expr]:
    """What a length is compared with."""
    for left, right in pairwise([tree.left, *tree.comparators]):
        for name, other in ((left, right), (right, left)):
            if isinstance(name, ast.Name) and name.id in _LENGTHS:
                yield other


def _side(one: Judged, part: SubExpression) -> Iterator[Diagnostic]:
    """A length that is computed from the teacher's trace, where it is beyond the limit."""
    limit, records = one.train.sampling.max_new_tokens, one.context.traces(one.stage)
    if records:
        sizes = [(record.steps, record.words, record.tokens) for record in records]
        lengths = {size: value_of(part.node, dict(zip(_TEACHER, size, strict=True))) for size in set(sizes)}
        over = sum((lengths[size] or 0.0) > limit for size in sizes)
        if not traces.rare(over, len(sizes)):
            message = f"`{part.text}` is above `max_new_tokens` {limit} in {traces.told(over, len(sizes))}"
            yield warning(RULE, one.span(part), message, _ADVICE)
        return
    for question in one.trial.questions:
        length = value_of(part.node, question.measures) if question.usual else None
        if length is not None and length > limit:
            trace = prompt(question.measures, part.node.reads)
            message = f"`{part.text}` is {length:g} for {trace}, and `max_new_tokens` {limit} holds fewer words"
            yield warning(RULE, one.span(part), message, _ADVICE)
            return
