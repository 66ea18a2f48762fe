"""Conditions on texts."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.ir import generations
from cotspec.passes.check.context import Context, expression_finding

RULE = Rule(
    slug="keep-condition",
    claim="A condition on texts uses only the measures of texts that are there, with the right types.",
    why="It decides which texts go on. It is written like a reward, with the name of a text before each measure: "
    "`teach.correct and teach.words < 200`.",
    failing="generate: {teach: {by: tutor, over: train, keep: {where: teach.corect}}}\n",
    passing="generate: {teach: {by: tutor, over: train, keep: {where: teach.correct}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every `keep.where`."""
    for name, each in context.experiment.generate.items():
        for problem in generations.filter_of(context.experiment, name).problems:
            path = ("generate", name, "keep", "where")
            yield expression_finding(context, RULE, path, each.keep.where or "", problem)
