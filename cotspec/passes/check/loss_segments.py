"""What a stage supervises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cotspec.cot import conditions
from cotspec.cot.expr import read, scope_of
from cotspec.cot.measures import own_names
from cotspec.diagnostics import Diagnostic, Span
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.ir import bodies, generations
from cotspec.passes import unknown_measures
from cotspec.passes.check.context import Context, expression_finding, finding, misnamed
from cotspec.spec.experiment import MixedRows, OnPolicy, Stage

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve, loss:"

RULE = Rule(
    slug="loss-segments",
    claim="A loss is on segments that there are; on `masked` only where a mask hides something.",
    why="A segment that nobody writes supervises nothing, nor does what the prompt hides where it hides nothing.",
    failing=f"stages: {{first: {{{_STAGE} [masked, answer]}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} [step, answer]}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every loss."""
    format = bodies.trace_format(context.experiment.trace)
    segments = bodies.lossy(format)
    for path, _, stage in context.stages():
        places = _places(context, (*path, "loss"), stage.loss or ())
        for name, span in places.items():
            if name not in segments:
                yield misnamed(RULE, span, f"there is no segment `{name}` in `trace`", name, segments)
        if "masked" in places and isinstance(stage.train, OnPolicy):
            message = "a completion has no `masked`: it is the prompt that hides"
            yield finding(RULE, places["masked"], message, "use `step`")
        elif "masked" in places and stage.mask is None:
            message = "`masked` supervises what a mask hides, and there is none"
            yield finding(RULE, places["masked"], message, "add `mask:`, or use `step`")
        if "masked" in places and len(places) == 1:
            yield from _nothing_hidden(context, (*path, "rows", "mix"), stage)
        texts = generations.asked_texts(context.experiment, stage)
        scope = scope_of({**own_names(format.form), **conditions.scope(texts, format.form)})
        vain = unknown_measures.of_given(context.experiment, stage)
        for name, condition in bodies.loss_when(stage).items():
            in_vain = list(unknown_measures.asked(condition, vain))
            wrong = read(condition, scope, expect=bool).problems
            columns = {each.column for each in in_vain}
            for problem in (*(each for each in wrong if each.column not in columns), *in_vain):
                yield expression_finding(context, RULE, (*path, "loss", name), condition, problem)


def _nothing_hidden(context: Context, path: Path, stage: Stage) -> Iterator[Diagnostic]:
    """Sources of a mix that hide nothing, where only what is hidden carries loss."""
    for at, source in enumerate(stage.sources):
        if stage.mask is not None and isinstance(source, MixedRows) and source.task is not None:
            message = "`solve` hides nothing, and only what is hidden carries loss: no row is made of this source"
            span = context.source.value((*path, at, "task"))
            yield finding(RULE, span, message, "let `loss` name other segments, too")


def _places(context: Context, path: Path, loss: Iterable[str]) -> dict[str, Span]:
    """Where each segment is named, in a list or as a key."""
    if isinstance(loss, Mapping):
        return {name: context.source.key((*path, name)) for name in loss}
    return {name: context.source.value((*path, at)) for at, name in enumerate(loss)}
