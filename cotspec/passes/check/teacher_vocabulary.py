"""Teachers whose probabilities are of the student's tokens."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot import model_config
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import Taught

_STAGE = "start: base, rows: {from: teach}, task: solve, train: {by: distill, teacher: tutor, lr: 1e-4, top_k: "

RULE = Rule(
    slug="teacher-vocabulary",
    claim="A teacher whose probabilities are learnt has the student's vocabulary, and `top_k` is within it.",
    why="Probabilities are compared token by token: those of two vocabularies are of different tokens. Known where the "
    "files of both models are at hand; otherwise the preflight asks, and the stage itself before it loads weights.",
    failing=f"stages: {{first: {{{_STAGE}1000}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}100}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage with a teacher."""
    for path, name, stage in context.stages():
        if isinstance(stage.train, Taught):
            here, other = (*path, "train"), stage.train.other
            (words, rows), (taught, more) = context.vocabulary(name), context.vocabulary(other or name)
            why = model_config.two_vocabularies(words, rows, taught, more)
            above = model_config.above(stage.train.top_k, rows)
            if why:
                yield finding(RULE, context.source.value((*here, "teacher")), why, model_config.ONE_FAMILY)
            if above:
                yield finding(RULE, context.source.value((*here, "top_k")), above, "lower it, or use 0 for all")
