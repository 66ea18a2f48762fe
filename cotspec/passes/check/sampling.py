"""Numbers of samples and temperatures that work together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, finding
from cotspec.spec.evaluation import sets_of
from cotspec.spec.experiment import Sampling, Taught

_STAGE = "start: base, rows: {from: teach}, task: solve, reward: {terms: {a: {value: 1 if correct else 0}}}, train:"

RULE = Rule(
    slug="sampling",
    claim="`sampling.n` is for `generate` and `evaluate`, and whoever draws several answers draws them at random.",
    why="Elsewhere `group` is the number of samples; and greedy answers to one prompt are all the same, "
    "so a group of them has no advantages to learn from.",
    failing=f"stages: {{first: {{{_STAGE} {{by: grpo, lr: 1e-5, sampling: {{n: 4}}}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{by: grpo, lr: 1e-5, group: 4}}}}}}\n",
)

_ONE: Final = "a prompt gets one text in each epoch"
_VERDICT: Final = "a judge writes one text about each completion"
_ABOVE: Final = "give a temperature above 0"


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every place that samples."""
    spec = context.experiment
    for name, each in spec.generate.items():
        yield from _greedy(context, ("generate", name, "sampling"), each.sampling, each.sampling.n)
    for path, name, stage in context.stages():
        where = (*path, "train", "sampling")
        if (drawn := stage.train.drawn) is not None:
            taught = isinstance(stage.train, Taught)
            yield from _one(
                context, where, drawn, _ONE if taught else "`group` says how many completions a prompt gets"
            )
            yield from _greedy(context, where, drawn, stage.train.samples)
            if taught and drawn.temperature == 0:
                message = "both models' probabilities are taken at this temperature, and 0 has none"
                yield finding(RULE, context.source.value((*where, "temperature")), message, _ABOVE)
        elif where in context.source.keys:
            message = f"stage `{name}` trains on the texts of its rows, and nothing is drawn"
            yield finding(RULE, context.source.key(where), message, "leave it out, or write `over: student`")
        for called, judge in stage.judges.items():
            yield from _one(context, (*path, "judges", called, "sampling"), judge.sampling, _VERDICT)
    for evaluated in sets_of(spec.evaluate):
        yield from _greedy(context, evaluated.at("sampling"), evaluated.sampling, evaluated.sampling.n)


def _one(context: Context, path: Path, given: Sampling, why: str) -> Iterator[Diagnostic]:
    if given.n != 1:
        yield finding(RULE, context.source.value((*path, "n")), f"`n` is not used here: {why}", "leave it out")


def _greedy(context: Context, path: Path, given: Sampling, samples: int) -> Iterator[Diagnostic]:
    if given.temperature == 0 and samples > 1:
        message = f"{samples} samples at temperature 0 are {samples} times the same"
        yield finding(RULE, context.source.value((*path, "temperature")), message, _ABOVE)
