"""Rewards under which a wrong answer beats a right one."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot import witness
from cotspec.cot.witness import Shown
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
    """Every reward."""
    for one in judged(context):
        found = witness.upset(one.analysis)
        if found is not None:
            yield _upset(one, *found)


def _upset(one: Judged, wrong: Shown, right: Shown, progress: float) -> Diagnostic:
    reads = {name for name, _ in one.analysis.compiled.measures}
    trace = prompt(wrong.measures, reads)
    start = f"for {trace}, " if trace else ""
    when = " at the end of the run" if progress else ""
    beaten = f"a right one{_of(right, reads)} {right.total:.3g}"
    message = f"{start}a wrong answer{_of(wrong, reads)} scores {wrong.total:.3g}{when}, {beaten}"
    if "correct" not in reads:
        message = f"nothing in the reward asks whether the answer is correct: {message}"
    advice = "add a gate, `{unless: correct, reward: …}` below all other rewards, or make the other terms smaller"
    return warning(RULE, one.context.source.key(one.path), message, advice)


def _of(one: Shown, reads: set[str]) -> str:
    told = sizes(one.measures, reads)
    return f" of {told}" if told else ""
