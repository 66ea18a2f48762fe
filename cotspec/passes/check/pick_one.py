"""A choice among several rollouts."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding

RULE = Rule(
    slug="pick-one",
    claim="`keep.pick` chooses among several texts of a record.",
    why="With one sample there is nothing to choose from: `shortest` and `longest` would be the same traces.",
    failing="generate: {teach: {by: tutor, over: train, keep: {pick: shortest}}}\n",
    passing="generate: {teach: {by: tutor, over: train, keep: {pick: shortest}, sampling: {n: 4}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every filter."""
    for name, each in context.experiment.generate.items():
        if each.keep.pick != "first" and each.sampling.n == 1:
            span = context.source.value(("generate", name, "keep", "pick"))
            yield finding(RULE, span, "`pick` has one text of each record", "set `sampling.n` to 2 or more")
