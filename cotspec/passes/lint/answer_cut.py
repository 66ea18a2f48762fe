"""Limits on generation that cut the answer off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source import Path
from cotspec.passes import seen
from cotspec.passes.check.context import Context, warning
from cotspec.spec.experiment import Experiment, FailureRows, Grpo

if TYPE_CHECKING:
    from cotspec.cot.rows import TraceRecord

RULE = Rule(
    slug="answer-cut",
    claim="`max_new_tokens` holds a solution up to its answer.",
    why="The answer comes last. A solution that is cut counts as wrong, however good it is: accuracy, mined failures "
    "and rewards then measure the limit. How long solutions are is known from the teacher's traces of an earlier run; "
    "without one, only limits that hold no step and answer are found.",
    failing="evaluate: {data: test, of: [base, first, second], sampling: {temperature: 0, max_new_tokens: 4}}\n",
    passing="evaluate: {data: test, of: [base, first, second], sampling: {temperature: 0, max_new_tokens: 256}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every place where a student writes a solution as long as the teacher's; `rewrite` asks for a shorter one."""
    spec = context.experiment
    least = _shortest(spec)
    read = context.read_traces()
    everything: Sequence[TraceRecord] = () if read is None else read.records
    evaluated = spec.evaluate.sampling.max_new_tokens
    yield from _limit(context, ("evaluate", "sampling"), evaluated, least=least, traces=everything)
    for path, _, stage in context.stages():
        traces = seen.records(context, stage)
        if isinstance(stage.rows, FailureRows):
            mined = stage.rows.sampling.max_new_tokens
            yield from _limit(context, (*path, "rows", "sampling"), mined, least=least, traces=traces)
        if isinstance(stage.train, Grpo):
            drawn = stage.train.sampling.max_new_tokens
            own = () if stage.task == "rewrite" else traces
            yield from _limit(context, (*path, "train", "sampling"), drawn, least=least, traces=own)


def _limit(
    context: Context, path: Path, limit: int, *, least: int, traces: Sequence[TraceRecord]
) -> Iterator[Diagnostic]:
    span = context.source.value((*path, "max_new_tokens"))
    if limit < least:
        message = f"no step and answer fit into {limit} tokens: with their openers they take at least {least}"
        yield warning(RULE, span, message, "raise `max_new_tokens`")
        return
    cut = sum(record.tokens > limit for record in traces)
    if not seen.rare(cut, len(traces)):
        message = f"{seen.of_traces(cut, len(traces))} are longer than {limit} tokens (in the teacher's)"
        advice = "raise `max_new_tokens`: a solution that is cut before its answer counts as wrong"
        yield warning(RULE, span, message, advice)


def _shortest(spec: Experiment) -> int:
    """Words of `Step 1: x` and `Answer: x`, and the end: no token holds two words."""
    return len(spec.trace.step.opens.split()) + len(spec.trace.answer.opens.split()) + 3
