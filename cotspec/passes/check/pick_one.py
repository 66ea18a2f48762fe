"""A choice among several rollouts."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding

RULE = Rule(
    slug="pick-one",
    claim="`keep.pick` chooses among the teacher's several samples of a question.",
    why="With one sample there is nothing to choose from: `shortest` and `longest` would be the same traces.",
    failing="teach: {model: tutor, data: train, keep: {pick: shortest}}\n",
    passing="teach: {model: tutor, data: train, keep: {pick: shortest}, sampling: {n: 4}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """The teacher's filter."""
    teach = context.experiment.teach
    if teach.keep.pick != "first" and teach.sampling.n == 1:
        span = context.source.value(("teach", "keep", "pick"))
        yield finding(RULE, span, "`pick` has one sample of each question", "set `teach.sampling.n` to 2 or more")
