"""Ranges that hold something."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.ir import generations
from cotspec.passes.check.context import Context, finding

RULE = Rule(
    slug="empty-range",
    claim="A slice ends after it begins, and a lower bound is not above its upper bound.",
    why="Nothing would be left to train on.",
    failing="generate: {teach: {by: tutor, over: train, keep: {where: teach.steps >= 5 and teach.steps <= 2}}}\n",
    passing="generate: {teach: {by: tutor, over: train, keep: {where: teach.steps >= 2 and teach.steps <= 5}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Slices of data, texts and rows, step bounds."""
    for path, slice in _slices(context):
        if slice is not None and slice[0] >= slice[1]:
            message = f"the slice [{slice[0]}, {slice[1]}] holds nothing: its end comes first"
            advice = "rows are counted from 0, and the end is not part of the slice"
            yield finding(RULE, context.source.value(path), message, advice)
    for name, data in context.experiment.data.items():
        if data.steps[0] > data.steps[1]:
            message = f"no problem has from {data.steps[0]} to {data.steps[1]} steps"
            yield finding(RULE, context.source.value(("data", name, "steps")), message, "put the smaller number first")
    for name in context.experiment.generate:
        kept = generations.filter_of(context.experiment, name)
        if kept.at_most is not None and kept.at_least > kept.at_most:
            message = f"no text has at least {kept.at_least} and at most {kept.at_most} steps"
            yield finding(RULE, context.source.value(("generate", name, "keep", "where")), message, "let them meet")


def _slices(context: Context) -> Iterator[tuple[Path, tuple[int, int] | None]]:
    for name, data in context.experiment.data.items():
        yield ("data", name, "slice"), data.slice
    for name, each in context.experiment.generate.items():
        yield ("generate", name, "slice"), each.slice
    for path, _, _, source in context.sources():
        yield (*path, "slice"), source.slice
