"""Texts that are made over texts, and the rows that are made of them."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose

from cotspec.cot import conditions
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import either
from cotspec.ir import bodies, generations
from cotspec.passes.check.context import Context, finding
from cotspec.spec.evaluation import asked_data
from cotspec.spec.experiment import Mix, Pairs, Rows, RowSource, ShareRamp, Stage
from cotspec.trainers import trainer_of

_TEACH = "teach: {by: tutor, over: train, keep: {where: teach.correct}}"

RULE = Rule(
    slug="texts",
    claim="Texts are made over data in the end, and rows are made of texts that there are.",
    why="A generation over another one has a record for each of its records. What failed everywhere is no text to "
    "learn from: `rows.target` names the one that it was made over. Pairs want two texts of a record, and what is "
    "shared out adds up.",
    failing=f"generate: {{{_TEACH}, tries: {{by: base, over: teach, keep: {{where: tries.score == 0}}}}}}\n"
    "stages: {first: {start: base, train: {by: sft, lr: 1e-5}, rows: {from: tries}, task: solve}}\n",
    passing=f"generate: {{{_TEACH}, tries: {{by: base, over: teach, keep: {{where: tries.score == 0}}}}}}\n"
    "stages: {first: {start: base, train: {by: sft, lr: 1e-5}, rows: {from: tries, target: teach}, task: solve}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every generation, and the rows that are made from one."""
    spec, circles = context.experiment, set[frozenset[str]]()
    for name, each in spec.generate.items():
        path: Path = ("generate", name)
        circle = generations.circle(spec, name)
        if circle and frozenset(circle) not in circles:
            circles.add(frozenset(circle))
            yield _circle(context, path, circle)
        elif each.slice is not None and each.over in spec.data and not generations.chain(spec, each.over):
            advice = f"slice the data set: `data.{each.over}.slice`"
            yield finding(RULE, context.source.key((*path, "slice")), "`slice` is for texts over texts", advice)
    for path, name, stage, source in context.sources():
        if not generations.data_of(spec, source.from_):
            continue  # a rule of its own says that a name is none, or in a circle
        yield from _where(context, path, source)
        if isinstance(source, Rows) and source.pairs is not None:
            yield from _pairs(context, path, source, source.pairs)
        elif not generations.chain(spec, source.from_):
            yield from _questions(context, path, name, stage, source)
        else:
            yield from _failures(context, path, source)
    for path, _, stage in context.stages():
        if isinstance(stage.rows, Mix):
            yield from _mix(context, (*path, "rows"), stage.rows)
            yield from _tasks(context, path, stage, stage.rows)


def _circle(context: Context, path: Path, circle: tuple[str, ...]) -> Diagnostic:
    held_out = asked_data(context.experiment.evaluate).values()
    others = (data for data in context.experiment.data if data not in held_out)
    first, *rest = (f"`{name}`" for name in circle)
    message = f"{first} is made over {', which is made over '.join((*rest, 'itself'))}"
    advice = f"make one of them over data: there is {either(others)}"
    return finding(RULE, context.source.value((*path, "over")), message, advice)


def _where(context: Context, path: Path, source: RowSource) -> Iterator[Diagnostic]:
    """A condition on rows, beside what `keep.where` asks."""
    if source.where is None:
        return
    spec, span = context.experiment, context.source.value((*path, "where"))
    if isinstance(source, Rows) and source.pairs is not None:
        yield finding(RULE, span, "`pairs.better` says which texts are rows", "leave `where` out")
        return
    own, problems = generations.condition(spec, source.from_, source.where)
    if problems or generations.over_texts(spec, source.from_) is not None or not own:
        return
    if conditions.reads(own, conditions.SCORE, bodies.trace_format(spec.trace).form):
        message = f"the score of `{source.from_}` counts texts that were not kept, too"
        yield finding(RULE, span, message, f"ask for it where they are kept: `generate.{source.from_}.keep.where`")


def _failures(context: Context, path: Path, source: RowSource) -> Iterator[Diagnostic]:
    """Rows of what is kept because it is wrong everywhere."""
    spec, name = context.experiment, source.from_
    given = spec.generate.get(name)
    if given is None or not generations.failed(spec, name) or source.target not in (None, name):
        return
    place = (*path, "target") if (*path, "target") in context.source.values else (*path, "from")
    message = f"the tries of `{name}` are wrong: no row is made of them"
    yield finding(
        RULE, context.source.value(place), message, f"write `target: {given.over}`, whose questions they tried"
    )


def _questions(context: Context, path: Path, name: str, stage: Stage, source: RowSource) -> Iterator[Diagnostic]:
    """Rows of a data set without texts: questions alone."""
    data, trainer = source.from_, trainer_of(stage.train)
    advice = f"name the column that holds one (`data.{data}.trace`), or texts over `{data}`"
    wants = [key for key in ("loss", "begin") if key in trainer.reading(stage.train) and key in trainer.needs]
    if stage.train.drawn is None or wants:
        message = f"stage `{name}` learns to write texts, and the questions of `{data}` have none"
        yield finding(RULE, context.source.value((*path, "from")), message, advice)
        return
    shows = stage.task_of(source) != "solve"
    for shown, key in ((shows, "task"), (shows and stage.mask, "mask"), (stage.begin, "begin")):
        if shown:
            message = f"the questions of `{data}` have no texts to show or to begin with"
            yield finding(RULE, context.source.key(("stages", name, key)), message, advice)
    for key in ("target", "where"):
        if getattr(source, key) is not None:
            message = f"the questions of `{data}` have no texts"
            yield finding(RULE, context.source.key((*path, key)), message, advice)


def _pairs(context: Context, path: Path, rows: Rows, pairs: Pairs) -> Iterator[Diagnostic]:
    spec, name = context.experiment, rows.from_
    span, generation = context.source.key((*path, "pairs")), spec.generate.get(rows.from_)
    if generation is None:
        message = f"a pair is made of two texts, and `{name}` has one of each question at most"
        yield finding(RULE, context.source.value((*path, "from")), message, "name texts that a model writes")
        return
    texts, at = generations.chain(spec, name), generations.depth(spec, rows)
    if at > 1:
        message = f"a pair is of two texts of `{name}`, or of two that they were made over"
        advice = f"write `target: {texts[1]}`, or leave `target` out"
        yield finding(RULE, context.source.value((*path, "target")), message, advice)
        return
    compared = texts[at]
    if compared == name:
        if generation.sampling.n < 2:
            yield finding(RULE, span, f"`{name}` has one text of each record", "set its `sampling.n` to 2 or more")
    elif compared not in spec.generate or not spec.generate[compared].keep.several:
        message = f"of `{compared}` one text of each question goes on, and a pair is made of two"
        yield finding(RULE, span, message, f"write `keep: {{pick: all}}` at `generate.{compared}`, with `sampling.n`")
    if (generation.keep.where is not None or generation.keep.chooses) and not generations.kept_is_read(spec, name):
        message = "pairs are made of all texts: nothing that `keep` says reaches them"
        yield finding(RULE, context.source.key(("generate", name, "keep")), message, "leave `keep` out")
    if rows.slice is not None and generations.tries(spec, name) is None:
        message = "records are sliced where texts are written over them"
        yield finding(RULE, context.source.key((*path, "slice")), message, "slice the data set, or `generate`")
    yield from _better(context, (*path, "pairs"), rows, pairs, compared=compared)


def _better(context: Context, path: Path, rows: Rows, pairs: Pairs, *, compared: str) -> Iterator[Diagnostic]:
    """What makes no pair, or none that differ."""
    spec = context.experiment
    condition, problems = generations.better(spec, rows, pairs)
    if problems:
        return
    form, at = bodies.trace_format(spec.trace).form, generations.depth(spec, rows)
    if not any(conditions.about(condition, form, depth=depth) for depth in {0, at}):
        message = f"this is the same for both texts of a pair: it asks nothing of `{compared}`"
        yield finding(RULE, context.source.value((*path, "better")), message, f"ask about `{compared}`")
    elif conditions.kind(condition, form) is bool and pairs.gap >= 1:
        message = "one text meets the condition and the other does not: they differ by 1, and not by more"
        yield finding(RULE, context.source.value((*path, "gap")), message, "leave `gap` out")
    texts = spec.generate[compared].sampling.n if compared in spec.generate else 1
    if 1 < texts < 2 * pairs.most:
        message = f"of {texts} texts there are {texts // 2} pairs at most, each text in one of them"
        yield finding(
            RULE, context.source.value((*path, "most")), message, f"write {texts // 2}, or raise `sampling.n`"
        )


def _mix(context: Context, path: Path, given: Mix) -> Iterator[Diagnostic]:
    """Shares of all sources or of none, and turns only where there are turns."""
    shares = [each.share for each in given.mix]
    known = [share for share in shares if share is not None]
    at = next((at for at, share in enumerate(shares) if share is not None), 0)
    place = context.source.key((*path, "mix", at, "share")) if known else context.source.key((*path, "mix"))
    if known and given.order == "alternate":
        yield finding(RULE, place, "with `order: alternate` the turns say how much of each is used", "write `run`")
    elif known and len(known) < len(shares):
        yield finding(
            RULE, place, f"{len(known)} of {len(shares)} sources have a share", "give each source one, or none"
        )
    elif known and not isclose(sum(known), 1):
        yield finding(RULE, place, f"the shares add up to {sum(known):g}", "let them add up to 1")
    for number, each in enumerate(given.mix):
        if each.run is not None and given.order != "alternate":
            span = context.source.key((*path, "mix", number, "run"))
            yield finding(RULE, span, f"with `order: {given.order}` there are no turns", "write `order: alternate`")


def _tasks(context: Context, path: Path, stage: Stage, given: Mix) -> Iterator[Diagnostic]:
    """What a stage says for rows that there are none of, or that come in another order."""
    if stage.task != "solve" and all(each.task for each in given.mix):
        message = f"no source asks for `{stage.task}`: all of them ask the question alone"
        yield finding(
            RULE, context.source.value((*path, "task")), message, "write `task: solve` here, and nowhere else"
        )
    if stage.mask is not None and isinstance(stage.mask.share, ShareRamp) and given.order == "shuffled":
        message = "the share moves with the place of a row, and a mix in shuffled order puts rows elsewhere"
        advice = "write `order: given` or `order: alternate` in `rows`, or one share"
        yield finding(RULE, context.source.value((*path, "mask", "share")), message, advice)
