"""Prompts and completions within the positions of the model."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot import model_config
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, finding
from cotspec.spec.evaluation import sets_of
from cotspec.spec.experiment import Experiment

RULE = Rule(
    slug="context-length",
    claim="A `max_new_tokens` and a `max_length` that are written are within the positions that the model has.",
    why="Beyond its positions a model was never trained: some fail there, others write noise. `max_new_tokens` "
    "leaves room for a prompt. The positions are known where the model's configuration is at hand; otherwise, and for "
    "a default that is too long, the preflight asks before the teacher writes anything.",
    failing="generate: {teach: {by: tutor, over: train, sampling: {max_new_tokens: 1024}}}\n",
    passing="generate: {teach: {by: tutor, over: train, sampling: {max_new_tokens: 512}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every place that text is drawn for, and every stage."""
    for where, name, new in _generating(context.experiment):
        here: Path = (*where, "max_new_tokens")
        most = _positions(context, name)
        if most and here in context.source.values and new >= most[1]:
            message = f"`max_new_tokens` {new} leaves no room for a prompt in the {most[1]} positions of `{most[0]}`"
            yield finding(RULE, context.source.value(here), message, "lower it")
    for path, name, stage in context.stages():
        here = (*path, "train", "max_length")
        most = _positions(context, name)
        if most and here in context.source.values and stage.train.max_length > most[1]:
            message = f"`max_length` {stage.train.max_length} is more than the {most[1]} positions of `{most[0]}`"
            yield finding(RULE, context.source.value(here), message, f"use {most[1]} or less, or leave it out")


def _positions(context: Context, name: str) -> tuple[str, int] | None:
    """The model that a stage begins with, and its positions; None where they are not known."""
    first = context.first_model(name)
    most = 0 if first is None else model_config.positions(first.files.config)
    return (first.name, most) if first is not None and most else None


def _generating(spec: Experiment) -> Iterator[tuple[Path, str, int]]:
    """Every place that text is drawn for: where its sampling stands, from which model or stage, how many new tokens."""
    for name, each in spec.generate.items():
        yield ("generate", name, "sampling"), each.by, each.sampling.max_new_tokens
    for name, stage in spec.stages.items():
        if stage.train.drawn is not None:
            where: Path = ("stages", name, "train", "sampling")
            for who in filter(None, (name, stage.train.other)):  # a teacher reads what the student writes
                yield where, who, stage.train.drawn.max_new_tokens
        for called, judge in stage.judges.items():
            yield ("stages", name, "judges", called, "sampling"), judge.by, judge.sampling.max_new_tokens
    for asked in sets_of(spec.evaluate):
        for name in dict.fromkeys(asked.of):
            yield asked.at("sampling"), name, asked.sampling.max_new_tokens
