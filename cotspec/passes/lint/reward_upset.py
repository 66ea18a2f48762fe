"""Rewards under which a wrong answer beats a right one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from cotspec.cot.measures import VOTED
from cotspec.cot.reward_trial import Trial, Tried
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning
from cotspec.passes.rewards import Judged, judged, prompt, sizes

_STAGE = "start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve"

RULE = Rule(
    slug="reward-upset",
    claim="Of two answers to one question in the same form, the right one never scores less.",
    why="Terms for brevity or form that outweigh being right teach short or neat wrong answers, and the reward still "
    "rises. Shown by an example that the reward itself has scored.",
    failing=f"stages: {{first: {{{_STAGE}, reward: {{terms: {{solved: {{value: 1 if correct else 0}}, "
    "short: {value: -words / 100}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, reward: {{terms: {{solved: {{value: 1 if correct else 0}}, "
    "short: {value: -words / 1000}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every reward."""
    for one in judged(context):
        worst = _worst(one.trial)
        if worst is not None:
            yield _upset(one, *worst)


@lru_cache(maxsize=256)
def _worst(trial: Trial) -> tuple[Tried, Tried, float] | None:
    """A wrong answer, the right one that it beats by most, and the place in the run where it does."""
    for progress in trial.ends():
        pairs = list(_pairs(trial, progress))
        if pairs:
            return (*max(pairs, key=lambda pair: pair[0].total - pair[1].total), progress)
    return None


def _pairs(trial: Trial, progress: float) -> Iterator[tuple[Tried, Tried]]:
    """The best wrong answer and the worst right one of each question and form, and that as many agree with, where the
    wrong one scores more."""
    form = [name for name, each in trial.table.items() if each.kind is bool and name != "correct"]
    form += [name for name in VOTED if name not in form]
    groups: dict[object, dict[bool, list[Tried]]] = {}
    for each in trial.at_progress(progress):
        if each.usual and each.score.total is not None:
            key = (id(each.question), *(each.measures.get(name) for name in form))
            groups.setdefault(key, {True: [], False: []})[bool(each.measures["correct"])].append(each)
    for group in groups.values():
        if group[True] and group[False]:
            wrong, right = max(group[False], key=_total), min(group[True], key=_total)
            if wrong.total > right.total + 1e-9:
                yield wrong, right


def _total(one: Tried) -> float:
    return one.total


def _upset(one: Judged, wrong: Tried, right: Tried, progress: float) -> Diagnostic:
    reads = one.trial.reads
    trace = prompt(wrong.measures, reads)
    start = f"for {trace}, " if trace else ""
    when = " at the end of the run" if progress else ""
    beaten = f"a right one{_of(right, reads)} {right.total:.3g}"
    message = f"{start}a wrong answer{_of(wrong, reads)} scores {wrong.total:.3g}{when}, {beaten}"
    if "correct" not in reads:
        message = f"nothing in the reward asks whether the answer is correct: {message}"
    advice = "add a gate, `{unless: correct, reward: …}` below all other rewards, or make the other terms smaller"
    return warning(RULE, one.context.source.key(one.path), message, advice)


def _of(one: Tried, reads: frozenset[str]) -> str:
    told = sizes(one.measures, reads)
    return f" of {told}" if told else ""
