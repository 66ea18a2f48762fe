"""Terms that leave the range they are said to have."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.passes.rewards import Judged, judged, valued

_STAGE = "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve"
_GATE = "gates: [{unless: correct, reward: -2}]"

_TEACH = "generate: {teach: {by: tutor, over: train, keep: {where: teach.correct}}}\n"

RULE = Rule(
    slug="reward-range",
    claim="A term stays within the `range` it declares, for every response that passes the gates.",
    why="Weights are balanced against each other by the ranges of their terms. `range` is tried here, on "
    "responses within the limits of the spec, and one that leaves it is shown; nothing looks at it while training.",
    failing=f"{_TEACH}stages: {{first: {{{_STAGE}, reward: {{{_GATE}, "
    "terms: {a: {value: words / teacher_words, range: [0, 2]}}}}}\n",
    passing=f"{_TEACH}stages: {{first: {{{_STAGE}, reward: {{{_GATE}, "
    "terms: {a: {value: 'clip(words / teacher_words, 0, 2)', range: [0, 2]}}}}}\n",
)

_SLACK = 1e-9
"""Part of the width of a range that roundings may take."""


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every term with a range."""
    for one in judged(context):
        for name, term in one.reward.terms.items():
            if term.range is not None:
                yield from _term(one, name, term.range)


def _term(one: Judged, name: str, given: tuple[float, float]) -> Iterator[Diagnostic]:
    slack = _SLACK * max(1.0, abs(given[0]), abs(given[1]))
    beyond = [(max(given[0] - value, value - given[1]), value, each) for each, value in one.trial.values(name)]
    far, value, worst = max(beyond, key=lambda each: each[0], default=(0.0, 0.0, None))
    if worst is None or far <= slack:
        return
    names = next(node.reads for term, node, _ in one.trial.compiled.terms if term == name)
    where = f" where {valued(worst.measures, names)}" if names else ""
    span = one.context.source.value((*one.path, "terms", name, "range"))
    message = f"`{name}` leaves its range [{given[0]:g}, {given[1]:g}]: it is {value:.4g}{where}"
    yield finding(RULE, span, message, "widen the range, or `clip`")
