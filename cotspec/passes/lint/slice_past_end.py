"""Slices of more than there is."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.ir import generations
from cotspec.passes import upper_bounds
from cotspec.passes.check.context import Context, finding, warning
from cotspec.spec.base import Slice

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, task: solve, rows:"

RULE = Rule(
    slug="slice-past-end",
    claim="A slice ends where its rows end, or before.",
    why="A slice that reaches further is cut short without a word: the stage trains on fewer rows than the spec says, "
    "or has none. There is at most one trace per question; how many pass the teacher's filter is known after a run.",
    failing=f"stages: {{first: {{{_STAGE} {{from: teach, slice: [100, 300]}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{from: teach, slice: [0, 200]}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Slices of data sets, texts and rows."""
    for name, data in context.experiment.data.items():
        if data.slice is not None:
            there = upper_bounds.whole(context, data)
            yield from _slice(context, ("data", name, "slice"), data.slice, there, f"there are {there} problems")
    spec = context.experiment
    for name, each in spec.generate.items():
        if each.slice is not None and generations.chain(spec, each.over):
            yield from _texts(context, ("generate", name, "slice"), each.slice, each.over)
    for path, _, _, source in context.sources():
        if source.slice is not None:
            yield from _texts(context, (*path, "slice"), source.slice, source.from_)


def _texts(context: Context, path: Path, given: Slice, name: str) -> Iterator[Diagnostic]:
    there, read = upper_bounds.traces(context, name), context.read_traces(name)
    run = read is not None and read.count is not None
    said = f"there are {there} traces" if run else f"there is at most one trace for each of {there} problems"
    yield from _slice(context, path, given, there, said)


def _slice(context: Context, path: Path, given: Slice, there: int | None, what: str) -> Iterator[Diagnostic]:
    span = context.source.value(path)
    if there is None or given[1] <= there or given[0] >= given[1]:
        return
    advice = f"end it at {there} at the latest" if given[0] < there else "begin it earlier"
    if given[0] >= there:
        yield finding(RULE, span, f"the slice [{given[0]}, {given[1]}) holds nothing: {what}", advice)
    else:
        message = f"the slice [{given[0]}, {given[1]}) reaches past the end: {what}"
        yield warning(RULE, span, message, advice)
