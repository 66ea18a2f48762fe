"""Conditions that no text meets."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot import selecting
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.ir import bodies, generations
from cotspec.passes.check.context import Context, warning

RULE = Rule(
    slug="condition-unmet",
    claim="Some text meets a condition on texts.",
    why="What no text meets leaves nothing to train on, and that shows only after the texts were written. A condition "
    "is tried on texts that nobody has written, with the measures that it reads at usual values and next to the "
    "numbers in it.",
    failing="generate: {teach: {by: tutor, over: train, keep: {where: teach.words < 40 and teach.words > 400}}}\n",
    passing="generate: {teach: {by: tutor, over: train, keep: {where: teach.words > 40 and teach.words < 400}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every `keep.where` and `rows.where`."""
    spec = context.experiment
    form = bodies.trace_format(spec.trace).form
    asked: list[tuple[Path, str, str | None]] = [
        (("generate", name, "keep", "where"), name, each.keep.where) for name, each in spec.generate.items()
    ]
    asked += [((*path, "where"), source.from_, source.where) for path, _, _, source in context.sources()]
    for path, name, where in asked:
        own, _ = generations.condition(spec, name, where)
        met, tried = selecting.met_by(own, form) if own else (1, 1)
        if not met:
            message = f"none of {tried:,} tried texts meets this condition"
            yield warning(RULE, context.source.value(path), message, "let its parts meet")
