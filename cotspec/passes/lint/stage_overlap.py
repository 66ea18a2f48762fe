"""Stages that train on some of the same rows."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes import ancestry
from cotspec.passes.check.context import Context, warning
from cotspec.spec.base import Slice
from cotspec.spec.experiment import Mix, Stage

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, task: solve, rows: {from: teach, slice:"
_MORE = f"more: {{{_STAGE.replace('base', 'first')}"
_OF = "evaluate: {data: test, of: [base, more, second]}\n"

RULE = Rule(
    slug="stage-overlap",
    claim="The traces of a stage are others than those of the stages before it, or the same.",
    why="Traces are sliced to keep stages apart: a later stage that meets rows its model was trained on finds them "
    "already solved. Slices that meet in part are seldom meant; the same slice twice, or none, says that they are "
    "shared.",
    failing=f"stages: {{first: {{{_STAGE} [0, 120]}}}}, {_MORE} [100, 200]}}}}}}\n{_OF}",
    passing=f"stages: {{first: {{{_STAGE} [0, 100]}}}}, {_MORE} [100, 200]}}}}}}\n{_OF}",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage against those it descends from."""
    spec = context.experiment
    for path, name, stage in context.stages():
        for earlier in ancestry.ancestors(spec, name):
            other = spec.stages.get(earlier)
            shared = None if other is None else _shared(stage, other)
            if shared is None:
                continue
            span = context.source.value((*path, "rows", "slice"))
            rows = f"traces {shared[0]} to {shared[1] - 1}"
            message = f"stage `{name}` trains on {rows}, as `{earlier}` does, which it descends from"
            related = ((context.source.value(("stages", earlier, "rows", "slice")), f"rows of `{earlier}`"),)
            yield warning(RULE, span, message, "give them slices that do not meet, or the same one", related=related)


def _shared(stage: Stage, other: Stage) -> Slice | None:
    """The traces that both slices hold, when the slices differ."""
    if isinstance(stage.rows, Mix) or isinstance(other.rows, Mix) or stage.rows.from_ != other.rows.from_:
        return None
    ours, theirs = stage.rows.slice, other.rows.slice
    if ours is None or theirs is None or ours == theirs:
        return None
    first, end = max(ours[0], theirs[0]), min(ours[1], theirs[1])
    return (first, end) if first < end else None
