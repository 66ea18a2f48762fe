"""Graded rewards whose grades do not count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cotspec.cot import ranking
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning
from cotspec.passes.rewards import Judged, judged

_STAGE = "start: base, rows: {from: teach}, task: solve"
_REWARD = "reward: {gates: [{unless: correct, reward: -1}], terms: {short: {value: 1 / words}}}"

RULE = Rule(
    slug="reward-order",
    claim="Where a reward has grades, a group has more than two completions, or advantages are not divided by the "
    "group's standard deviation.",
    why="Two unequal rewards, less their mean and divided by their standard deviation, are always +0.707 and -0.707. "
    "Weights then say which of two completions is better, and never by how much.",
    failing=f"stages: {{first: {{{_STAGE}, train: {{by: grpo, lr: 1e-5, group: 2}}, {_REWARD}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, train: {{by: grpo, lr: 1e-5, group: 4}}, {_REWARD}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every reward of groups of two."""
    for one in judged(context):
        if one.train.group == 2 and one.train.scale_rewards == "group":
            order = ranking.order(one.analysis)
            if order.graded:
                yield _order(one, order)


def _order(one: Judged, order: ranking.Order) -> Diagnostic:
    message = (
        "in a group of 2 any two unequal rewards become ±0.707: only their order counts, not how far apart they are"
    )
    told = [
        f"{_listed([name for name in one.reward.terms if name in names])} {does}"
        for names, does in ((order.deciding, "can change the order"), (order.idle, "cannot"))
        if names
    ]
    advice = "take a larger `group`, or `scale_rewards: none`" + (f"; here {', '.join(told)}" if told else "")
    span = one.context.source.value((*one.path[:-1], "train", "group"))
    return warning(RULE, span, message, advice)


def _listed(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
