"""Conditions on texts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.ir import generations
from cotspec.passes.check.context import Context, expression_finding, finding

RULE = Rule(
    slug="keep-condition",
    claim="A condition on texts uses only the measures of texts that are there, with the right types.",
    why="It decides which texts go on. It is written like a reward, with the name of a text before each measure: "
    "`teach.correct and teach.words < 200`.",
    failing="generate: {teach: {by: tutor, over: train, keep: {where: teach.corect}}}\n",
    passing="generate: {teach: {by: tutor, over: train, keep: {where: teach.correct}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every `keep.where`, `rows.where` and `pairs.better`; of rewards, whether they ask for what nobody has counted."""
    yield from _uncounted(context)
    spec = context.experiment
    for name, each in spec.generate.items():
        if not generations.data_of(spec, name):
            continue  # a rule of its own says what it is made over
        for problem in generations.filter_of(spec, name).problems:
            path: Path = ("generate", name, "keep", "where")
            yield expression_finding(context, RULE, path, each.keep.where or "", problem)
    for rows, _, stage, source in context.sources():
        if not generations.chain(spec, source.from_) or not generations.data_of(spec, source.from_):
            continue
        asked: list[tuple[Path, str | None, type | None]] = [((*rows, "where"), source.where, bool)]
        if stage.pairs is not None:
            asked.append(((*rows, "pairs", "better"), stage.pairs.better, None))
        for path, text, expect in asked:
            if text is not None:
                for problem in generations.expression(spec, source.from_, text, expect=expect)[1]:
                    yield expression_finding(context, RULE, path, text, problem)


def _uncounted(context: Context) -> Iterator[Diagnostic]:
    """Conditions and rewards that ask for the tokens of a data set's own texts."""
    spec = context.experiment
    asked: list[tuple[Path, str | None]] = [
        (("generate", name, "keep", "where"), each.keep.where) for name, each in spec.generate.items()
    ]
    for rows, _, stage, source in context.sources():
        better = None if stage.pairs is None else stage.pairs.better
        asked += [((*rows, "where"), source.where), ((*rows, "pairs", "better"), better)]
    for path, _, stage in context.stages():
        given = stage.reward.terms.items() if stage.reward is not None else ()
        asked += [((*path, "reward", "terms", name, "value"), str(term.value)) for name, term in given]
    for path, text in asked:
        for name, data in spec.data.items():
            if data.trace is not None and text is not None and re.search(rf"(?<![\w.]){name}\.tokens\b", text):
                message = f"nobody has counted the tokens of `{name}`, which are texts of a data set"
                yield finding(RULE, context.source.value(path), message, f"ask for `{name}.words`")
