"""Traces that are longer than a training row may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cotspec.cot import model_config
from cotspec.diagnostics import Diagnostic, Span
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.history import traces
from cotspec.ir import generations
from cotspec.passes.check.context import Context, warning
from cotspec.passes.lengths import Lengths, lengths
from cotspec.spec.experiment import Generation, Stage, Taught
from cotspec.trainers import trainer_of

_STAGE = "start: base, rows: {from: teach}, task: solve, train:"

RULE = Rule(
    slug="row-length",
    claim="A row has room for the longest text it may be made of.",
    why="A row is never cut. Under sft one whose prompt and trace are longer than `max_length` is left out, under grpo "
    "one whose prompt leaves no room for `sampling.max_new_tokens`, under distill also one whose `context` leaves the "
    "teacher none: the hardest questions go first, and silently.",
    failing=f"stages: {{first: {{{_STAGE} {{by: sft, lr: 1e-5, max_length: 1024}}}}}}\n",
    passing="generate: {teach: {by: tutor, over: train, sampling: {max_new_tokens: 768}}}\n"
    f"stages: {{first: {{{_STAGE} {{by: sft, lr: 1e-5, max_length: 1024}}}}}}\n",
)


class _Room(NamedTuple):
    """How many tokens there are for a row, or for its prompt where the model writes the rest, and where."""

    tokens: int
    where: str


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage: its rows where an earlier run has traces for them, else the longest trace there may be."""
    spec = context.experiment
    for path, name, stage in context.stages():
        room = _room(stage)
        span = context.source.value((*path, "train", "max_length"))
        first = stage.sources[0].from_
        written = spec.generate.get(first)
        if stage.pairs is not None or trainer_of(stage.train).rows == "dpo":
            if stage.pairs is not None and written is not None:
                yield from _answers(first, written, span, room)
            continue
        texts = {name: generations.longest(spec, name) or 0 for name in _targets(context, stage)}
        text, longest = max(texts.items(), key=lambda each: each[1])
        advice = f"raise `max_length`, or lower `generate.{text}.sampling.max_new_tokens`"
        if context.traces(stage):
            rows = lengths(context, name, stage, room.tokens)
            if rows is not None:
                yield from _rows(stage, span, room, rows)
                yield from _contexts(context, path, name, stage, rows)
        elif _whole_traces(stage) and longest > room.tokens:
            message = f"a text of `{text}` may take {longest} tokens, more than {room.where}"
            yield warning(RULE, span, message, advice)


def _targets(context: Context, stage: Stage) -> list[str]:
    return [generations.target_of(context.experiment, each) for each in stage.sources]


def _answers(name: str, written: Generation, span: Span, room: _Room) -> Iterator[Diagnostic]:
    """Rows of answers that a model has yet to write: as long as it may write them."""
    if written.sampling.max_new_tokens >= room.tokens:
        message = f"an answer may take {written.sampling.max_new_tokens} tokens, as many as {room.where} or more"
        yield warning(RULE, span, message, f"raise `max_length`, or lower `generate.{name}.sampling.max_new_tokens`")


def _rows(stage: Stage, span: Span, room: _Room, rows: Lengths) -> Iterator[Diagnostic]:
    writes = stage.train.drawn is not None
    sizes = rows.prompts if writes else rows.wholes
    over = sum(size > room.tokens for size in sizes)
    if over:
        about = "" if rows.exact else "about "
        what = "have a prompt longer" if writes else "make a row longer"
        message = f"{about}{traces.told(over, len(sizes))} {what} than {room.where} ({rows.told})"
        yield warning(RULE, span, message, f"raise `max_length` (the longest takes {about}{max(sizes):.0f})")


def _contexts(context: Context, path: Path, name: str, stage: Stage, rows: Lengths) -> Iterator[Diagnostic]:
    """What a teacher reads in place of the prompt, with the text it scores, within its positions."""
    train = stage.train
    first = context.first_model(train.other or name)
    most = 0 if first is None else model_config.positions(first.files.config)
    if not (isinstance(train, Taught) and train.context and most and first):
        return
    texts = zip(rows.contexts, rows.wholes, rows.prompts, strict=True)
    new = None if train.drawn is None else train.drawn.max_new_tokens
    sizes = [read + (whole - prompt if new is None else new) for read, whole, prompt in texts]
    if over := sum(size > most for size in sizes):
        about = "" if rows.exact else "about "
        message = (
            f"{about}{traces.told(over, len(sizes))} have a context that, with the text after it, is longer than the "
            f"{most} positions of `{first.name}` ({rows.told})"
        )
        advice = "shorten it, or lower `sampling.max_new_tokens`"
        yield warning(RULE, context.source.value((*path, "train", "context")), message, advice)


def _room(stage: Stage) -> _Room:
    train = stage.train
    if train.drawn is None:
        return _Room(tokens=train.max_length, where=f"`max_length` {train.max_length}")
    room = train.max_length - train.drawn.max_new_tokens
    return _Room(tokens=room, where=f"the {room} that `max_length` {train.max_length} has besides new tokens")


def _whole_traces(stage: Stage) -> bool:
    """Where the model writes, `rewrite` shows the trace whole and other prompts less than all; elsewhere it is the
    target."""
    return stage.train.drawn is None or stage.task == "rewrite"
