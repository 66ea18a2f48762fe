"""Conditions on texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cotspec.cot.conditions import SCORE, about, scope
from cotspec.cot.expr import Problem
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import listed
from cotspec.ir import generations
from cotspec.ir.bodies import trace_format
from cotspec.passes import unknown_measures
from cotspec.passes.check.context import Context, expression_finding
from cotspec.spec.experiment import Experiment

RULE = Rule(
    slug="keep-condition",
    claim="A condition on texts uses only the measures of texts that are there, with the right types.",
    why="It decides which texts go on. It is written like a reward, with the name of a text before each measure: "
    "`teach.correct and teach.words < 200`.",
    failing="generate: {teach: {by: tutor, over: train, keep: {where: teach.corect}}}\n",
    passing="generate: {teach: {by: tutor, over: train, keep: {where: teach.correct}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every `keep.where` and `keep.best.by`, `rows.where` and `pairs.better`."""
    spec = context.experiment
    for each in _conditions(context):
        told = {problem.column for problem in each.problems}
        unknown = unknown_measures.asked(each.text, unknown_measures.of_texts(spec, each.names))
        vain = tuple(problem for problem in unknown if problem.column not in told)
        for problem in (*(_advised(spec, each, problem) for problem in each.problems), *vain):
            yield expression_finding(context, RULE, each.path, each.text, problem)


class _Condition(NamedTuple):
    """An expression over texts."""

    path: Path
    names: tuple[str, ...]
    """The texts of its records, nearest first."""
    text: str
    problems: tuple[Problem, ...]
    pair: int | None = None
    """Of a pair, which of the names is that of its two texts."""
    written: bool = True
    """Whether it asks about all texts as they were written, and not about those that were kept."""


def _advised(spec: Experiment, condition: _Condition, problem: Problem) -> Problem:
    """A problem with what to do instead, where it is a measure that there is, only not here."""
    asked = condition.text[problem.column - 1 :][: problem.length]
    whose, _, measure = asked.partition(".")
    names, at, form = condition.names, condition.pair, trace_format(spec.trace).form
    texts = {*spec.generate, *(name for name, data in spec.data.items() if data.trace is not None)}
    scored, voted = names[:1] if at is None else names[at : at + 1] if at else (), () if at else names[:1]
    known = scope(names, form, scored=scored, voted=voted if condition.written else ())
    if whose not in texts or f"text.{measure}" not in scope(["text"], form, scored=["text"], voted=["text"]):
        return problem
    if whose not in names:
        advice = f"`{whose}` is not among the texts of its records, which are {listed(names)}"
    elif at and names.index(whose) < at:
        advice = f"both texts of a pair are of `{names[at]}`: of what was made over one, `{names[at]}.{SCORE}` is the "
        advice += "share that is right"
    elif asked in known:
        return problem
    elif at is not None and measure == SCORE:
        advice = "all texts of a record share their score: ask for what differs"
    else:
        advice = f"ask for it where the texts of `{whose}` are kept: `generate.{whose}.keep.where`"
    return problem._replace(suggestion="", help=advice)


def _conditions(context: Context) -> Iterator[_Condition]:
    spec = context.experiment
    form = trace_format(spec.trace).form
    for name, each in spec.generate.items():
        if not generations.data_of(spec, name):
            continue  # a rule of its own says that it is over none
        path, names, keep = ("generate", name, "keep"), generations.chain(spec, name), each.keep
        if keep.where is not None:
            yield _Condition((*path, "where"), names, keep.where, generations.filter_of(spec, name).problems)
        if keep.best is not None:
            by, problems = generations.best(spec, name, keep.best)
            if not problems and not any(about(by, form, depth=depth) for depth in range(len(names))):
                advice = f"ask about {listed(names)}"
                told = Problem(1, "this is the same for all texts", help=advice, length=len(keep.best.by))
                problems = (told,)
            yield _Condition((*path, "best", "by"), names, keep.best.by, problems)
    for rows, _, stage, source in context.sources():
        names = generations.chain(spec, source.from_)
        if not names or not generations.data_of(spec, source.from_):
            continue
        if source.where is not None:
            problems = generations.condition(spec, source.from_, source.where)[1]
            yield _Condition((*rows, "where"), names, source.where, problems, written=False)
        if stage.pairs is not None:
            problems = generations.better(spec, source, stage.pairs)[1]
            at = generations.depth(spec, source)
            yield _Condition((*rows, "pairs", "better"), names, stage.pairs.better, problems, at)
