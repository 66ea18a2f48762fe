"""Conditions on texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cotspec.cot.expr import Problem
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.ir import generations
from cotspec.passes import unknown_measures
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
    """Check every `keep.where`, `rows.where` and `pairs.better`."""
    spec = context.experiment
    for path, names, text, problems in _conditions(context):
        vain = tuple(unknown_measures.asked(text, unknown_measures.of_texts(spec, names)))
        for problem in (*problems, *vain):
            yield expression_finding(context, RULE, path, text, problem)


class _Condition(NamedTuple):
    """An expression over texts."""

    path: Path
    names: tuple[str, ...]
    """The texts that it may ask about, nearest first."""
    text: str
    problems: tuple[Problem, ...]


def _conditions(context: Context) -> Iterator[_Condition]:
    spec = context.experiment
    for name, each in spec.generate.items():
        if each.keep.where is not None and generations.data_of(spec, name):  # a rule of its own says if it is over none
            problems = generations.filter_of(spec, name).problems
            yield _Condition(
                ("generate", name, "keep", "where"), generations.chain(spec, name), each.keep.where, problems
            )
    for rows, _, stage, source in context.sources():
        names = generations.chain(spec, source.from_)
        if not names or not generations.data_of(spec, source.from_):
            continue
        if source.where is not None:
            problems = generations.condition(spec, source.from_, source.where)[1]
            yield _Condition((*rows, "where"), names, source.where, problems)
        if stage.pairs is not None:
            problems = generations.better(spec, source, stage.pairs)[1]
            yield _Condition((*rows, "pairs", "better"), names, stage.pairs.better, problems)
