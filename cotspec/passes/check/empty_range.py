"""Ranges that hold something."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, finding

RULE = Rule(
    slug="empty-range",
    claim="A slice ends after it begins, and a lower bound is not above its upper bound.",
    why="Nothing would be left to train on.",
    failing="teach: {model: tutor, data: train, keep: {steps: {at_least: 5, at_most: 2}}}\n",
    passing="teach: {model: tutor, data: train, keep: {steps: {at_least: 2, at_most: 5}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Slices of data and rows, step bounds."""
    for path, given in _slices(context):
        if given is not None and given[0] >= given[1]:
            message = f"the slice [{given[0]}, {given[1]}] holds nothing: its end comes first"
            advice = "rows are counted from 0, and the end is not part of the slice"
            yield finding(RULE, context.source.value(path), message, advice)
    for name, data in context.experiment.data.items():
        if data.steps[0] > data.steps[1]:
            message = f"no problem has from {data.steps[0]} to {data.steps[1]} steps"
            yield finding(RULE, context.source.value(("data", name, "steps")), message, "put the smaller number first")
    bounds = context.experiment.teach.keep.steps
    if bounds.at_most is not None and bounds.at_least > bounds.at_most:
        message = f"no trace has at least {bounds.at_least} and at most {bounds.at_most} steps"
        yield finding(RULE, context.source.value(("teach", "keep", "steps", "at_least")), message, "swap them")


def _slices(context: Context) -> Iterator[tuple[Path, tuple[int, int] | None]]:
    for name, data in context.experiment.data.items():
        yield ("data", name, "slice"), data.slice
    for path, _, stage in context.stages():
        yield (*path, "rows", "slice"), stage.rows.slice
