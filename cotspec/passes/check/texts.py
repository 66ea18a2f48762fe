"""Texts that are made over texts."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import either
from cotspec.ir import generations
from cotspec.passes.check.context import Context, finding
from cotspec.spec.evaluation import asked_data
from cotspec.spec.experiment import Generation, Stage

_TEACH = "teach: {by: tutor, over: train, keep: {where: teach.correct}}"

RULE = Rule(
    slug="texts",
    claim="Texts over texts are tries at their questions: kept where they fail, or compared in pairs.",
    why="A generation over another one asks the same questions again. What goes on is a record of that other one, "
    "where the score, the share of right tries, says so; `rows.target` names the text that such a row is made of. Two "
    "tries make a pair by which of them is right.",
    failing=f"generate: {{{_TEACH}, tries: {{by: base, over: teach, keep: {{where: tries.correct}}}}}}\n"
    "stages: {first: {start: base, train: {by: sft, lr: 1e-5}, rows: {from: tries, target: teach}, task: solve}}\n",
    passing=f"generate: {{{_TEACH}, tries: {{by: base, over: teach, keep: {{where: tries.score == 0}}}}}}\n"
    "stages: {first: {start: base, train: {by: sft, lr: 1e-5}, rows: {from: tries, target: teach}, task: solve}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every generation, and the rows that are made from one."""
    names = list(context.experiment.generate)
    for at, (name, each) in enumerate(context.experiment.generate.items()):
        path: Path = ("generate", name)
        if each.over in names[at:] and each.over not in context.experiment.data:
            yield _later(context, path, name, each, names[:at])
        elif generations.over_texts(context.experiment, name) is not None and _grounded(context, name):
            yield from _tries(context, path, name, each)
        elif each.slice is not None and each.over in context.experiment.data:
            advice = f"slice the data set: `data.{each.over}.slice`"
            span = context.source.key((*path, "slice"))
            yield finding(RULE, span, "`slice` is for texts over texts", advice)
    for path, _, stage in context.stages():
        if stage.rows.pairs is not None:
            yield from _pairs(context, path, stage)
            continue
        tried = generations.over_texts(context.experiment, stage.rows.from_)
        if tried is not None and _grounded(context, stage.rows.from_):
            yield from _target(context, path, stage, tried)


def _grounded(context: Context, name: str) -> bool:
    """Whether a generation goes back to a data set; a finding of its own says where one does not."""
    spec = context.experiment
    return spec.generate[generations.root(spec, name)].over in spec.data


def _later(context: Context, path: Path, name: str, given: Generation, earlier: list[str]) -> Diagnostic:
    what = "itself" if given.over == name else f"`{given.over}`, which comes later"
    held_out = asked_data(context.experiment.evaluate).values()
    others = (data for data in context.experiment.data if data not in held_out)
    advice = f"there is {either((*others, *earlier))} to use"
    return finding(RULE, context.source.value((*path, "over")), f"`{name}` is made over {what}", advice)


def _tries(context: Context, path: Path, name: str, given: Generation) -> Iterator[Diagnostic]:
    spec = context.experiment
    if generations.over_texts(spec, given.over) is not None:
        message = f"`{given.over}` are tries themselves"
        yield finding(RULE, context.source.value((*path, "over")), message, "try the questions of texts over data")
    if given.keep.pick != "first":
        span = context.source.key((*path, "keep", "pick"))
        yield finding(RULE, span, "there is nothing to pick: all tries of a record count", "leave it out")
    asked = generations.filter_of(spec, name)
    rows = [stage.rows for stage in spec.stages.values() if stage.rows.from_ == name]
    plain = any(each.pairs is None for each in rows)
    if asked.failed and rows and not plain:
        span = context.source.key((*path, "keep"))
        yield finding(RULE, span, "pairs are made of all tries: nothing is kept by a score", "leave `keep` out")
    if not asked.problems and (asked.rest or (plain and not asked.failed)):
        place = (*path, "keep", "where")
        span = context.source.value(place) if place in context.source.values else context.source.key(path)
        advice = f"write `where: {name}.score == 0` (all wrong) or `where: {name}.score < 1` (any wrong)"
        yield finding(RULE, span, f"`{name}` are tries, and what goes on is decided by their score alone", advice)


def _target(context: Context, path: Path, stage: Stage, tried: Generation) -> Iterator[Diagnostic]:
    if stage.rows.target == tried.over or stage.rows.target not in (None, stage.rows.from_):
        return  # another name is of no text here: a rule of its own says so
    place = (*path, "rows", "target")
    span = (
        context.source.value(place) if place in context.source.values else context.source.value((*path, "rows", "from"))
    )
    message = f"the tries of `{stage.rows.from_}` are wrong: no row is made of them"
    yield finding(RULE, span, message, f"write `target: {tried.over}`, whose questions they tried")


def _pairs(context: Context, path: Path, stage: Stage) -> Iterator[Diagnostic]:
    rows, name = stage.rows, stage.rows.from_
    if rows.pairs is None or name not in context.experiment.generate:
        return
    tried = generations.over_texts(context.experiment, name)
    if tried is None and context.experiment.generate[name].over in context.experiment.data:
        message = f"pairs are made of tries, and `{name}` are texts over data"
        advice = f"add `tries: {{by: {stage.start}, over: {name}, sampling: {{n: 4}}}}` to `generate`"
        yield finding(RULE, context.source.value((*path, "rows", "from")), message, advice)
    elif context.experiment.generate[name].sampling.n < 2:
        span = context.source.key((*path, "rows", "pairs"))
        yield finding(RULE, span, f"`{name}` has one try of each question", "set its `sampling.n` to 2 or more")
    if rows.pairs.better != f"{name}.correct":
        span = context.source.value((*path, "rows", "pairs", "better"))
        yield finding(RULE, span, "a pair is a right and a wrong text", f"write `better: {name}.correct`")
    if rows.target is not None:
        span = context.source.key((*path, "rows", "target"))
        yield finding(RULE, span, "a pair is made of two texts of `from`", "leave `target` out")
