"""Traces that are longer than a training row may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cotspec.cot.measures import words
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes import seen
from cotspec.passes.check.context import Context, warning
from cotspec.spec.experiment import Grpo, Stage

_STAGE = "start: base, rows: {from: teach}, task: solve, train:"

RULE = Rule(
    slug="row-length",
    claim="A row has room for the longest trace the teacher may write.",
    why="A row is never cut. Under sft one whose prompt and trace are longer than `max_length` is left out, under grpo "
    "one whose prompt leaves no room for `sampling.max_new_tokens`: the hardest questions go first, and silently.",
    failing=f"stages: {{first: {{{_STAGE} {{by: sft, lr: 1e-5, max_length: 1024}}}}}}\n",
    passing="teach: {model: tutor, data: train, sampling: {max_new_tokens: 768}}\n"
    f"stages: {{first: {{{_STAGE} {{by: sft, lr: 1e-5, max_length: 1024}}}}}}\n",
)


class _Room(NamedTuple):
    """How many tokens there are for a trace, and where."""

    tokens: int
    where: str


def check(context: Context) -> Iterator[Diagnostic]:
    """Every stage whose rows hold whole traces."""
    longest = context.experiment.teach.sampling.max_new_tokens
    for path, _, stage in context.stages():
        room = _room(stage)
        if room is None:
            continue
        span = context.source.value((*path, "train", "max_length"))
        advice = "raise `max_length`, or lower `teach.sampling.max_new_tokens`"
        records = seen.records(context, stage)
        over = sum(record.tokens + words(record.question) > room.tokens for record in records)
        if over:
            told = f"{seen.of_traces(over, len(records))}, with their questions,"
            message = f"{told} are longer than {room.where} (in the teacher's tokens)"
            yield warning(RULE, span, message, advice)
        elif not records and longest > room.tokens:
            message = f"the teacher may write {longest} tokens, more than {room.where}"
            yield warning(RULE, span, message, advice)


def _room(stage: Stage) -> _Room | None:
    """Under sft the trace is the target; under grpo `rewrite` shows it whole, and other prompts less than all."""
    train = stage.train
    if not isinstance(train, Grpo):
        return _Room(tokens=train.max_length, where=f"`max_length` {train.max_length}")
    if stage.task != "rewrite":
        return None
    room = train.max_length - train.sampling.max_new_tokens
    return _Room(tokens=room, where=f"the {room} that `max_length` {train.max_length} has besides new tokens")
