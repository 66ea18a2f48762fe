"""Failures of another model than the one that is trained on them."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.ir import generations
from cotspec.passes.check.context import Context, warning

_TRAIN = "train: {by: sft, lr: 1e-5}"
_FIRST = f"first: {{start: base, {_TRAIN}, rows: {{from: teach}}, task: solve}}"
_MORE = f"more: {{start: first, {_TRAIN}, task: rewrite, rows: {{from: tries, target: teach}}}}"
_TEXTS = "generate: {teach: {by: tutor, over: train}, tries: {over: teach, keep: {where: tries.score == 0}, by:"

RULE = Rule(
    slug="mined-elsewhere",
    claim="A stage trains on the failures of the weights it starts from.",
    why="What another model gets wrong may be solved already, and what this one gets wrong may be missing.",
    failing=f"{_TEXTS} base}}}}\nstages: {{{_FIRST}, {_MORE}}}\nevaluate: {{data: test, of: [base, more, second]}}\n",
    passing=f"{_TEXTS} first}}}}\nstages: {{{_FIRST}, {_MORE}}}\nevaluate: {{data: test, of: [base, more, second]}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage."""
    for _, name, stage, source in context.sources():
        path, text = ("stages", name), source.from_
        tried = generations.tries(context.experiment, text)
        if tried is None or stage.pairs is not None or tried.by == stage.start:
            continue
        if generations.filter_of(context.experiment, text).failed:
            message = f"stage `{name}` starts from `{stage.start}` and trains on the failures of `{tried.by}`"
            related = ((context.source.value((*path, "start")), "is what it starts from"),)
            span = context.source.value(("generate", text, "by"))
            yield warning(RULE, span, message, f"use `by: {stage.start}`", related=related)
