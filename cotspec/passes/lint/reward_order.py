"""Graded rewards whose grades do not count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Final

from cotspec.cot.reward_trial import Trial, Tried
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning
from cotspec.passes.rewards import Judged, judged
from cotspec.trainers import trainer_of

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


_MOST: Final = 24
"""Responses to a question that are compared with each other."""


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every reward of which only the order counts."""
    for one in judged(context):
        if trainer_of(one.train).only_order(one.train):
            deciding = _deciding(one.trial)
            if deciding is not None:
                yield _order(one, deciding)


@lru_cache(maxsize=256)
def _deciding(trial: Trial) -> frozenset[str] | None:
    """Terms without which some two responses are ordered otherwise; None when no question has three rewards or more."""
    pools = list(_pools(trial))
    if not any(len({each.total for each in pool}) > 2 for pool in pools):
        return None
    names = [term.name for term in trial.reward.terms]
    return frozenset(name for name in names if any(_decides(name, pool) for pool in pools))


def _pools(trial: Trial) -> Iterator[list[Tried]]:
    """Common responses to the question with the shortest trace and to that with the longest, right and wrong."""
    asked = [question for question in trial.questions if question.usual]
    for question in dict.fromkeys((0, len(asked) - 1)):
        own = [e for e in trial.all if e.usual and e.question is asked[question] and e.score.total is not None]
        kinds: dict[int | None, list[Tried]] = {}
        for each in own:
            kinds.setdefault(each.score.gate, []).append(each)
        yield [e for kind in kinds.values() for e in kind[:: max(1, -(-len(kind) // (_MOST // len(kinds))))]]


def _order(one: Judged, deciding: frozenset[str]) -> Diagnostic:
    message = (
        "in a group of 2 any two unequal rewards become ±0.707: only their order counts, not how far apart they are"
    )
    told = [
        f"{_listed(part)} {does}"
        for counts, does in ((True, "can change the order"), (False, "changed it in no pair that was tried"))
        if (part := [name for name in one.reward.terms if (name in deciding) is counts])
    ]
    advice = "take a larger `group`, or `scale_rewards: none`" + (f"; here {', '.join(told)}" if told else "")
    span = one.context.source.value((*one.path[:-1], "train", "group"))
    return warning(RULE, span, message, advice)


def _decides(name: str, pool: Sequence[Tried]) -> bool:
    """Whether some two responses are ordered otherwise without a term."""
    return any(_sign(a.total, b.total) != _sign(_without(a, name), _without(b, name)) for a, b in combinations(pool, 2))


def _without(one: Tried, name: str) -> float:
    return one.total - one.score.terms.get(name, 0.0)


def _sign(a: float, b: float) -> int:
    """The order of two rewards; what differs by roundings only is equal."""
    return 0 if abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b)) else 1 if a > b else -1


def _listed(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
