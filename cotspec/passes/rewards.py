"""Rewards as rules see them: what a spec's limits are, where a part of an expression stands, how measures read.

Knows no rule. The trial of a reward is the kernel's (`cotspec.cot.reward_trial`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from cotspec.cot.reward_trial import SubExpression, Trial, tried
from cotspec.cot.reward_trial_prompts import Limits
from cotspec.cot.rewards import Place
from cotspec.diagnostics import Span
from cotspec.diagnostics.source_map import Path
from cotspec.ir import bodies, generations
from cotspec.passes import trace_steps
from cotspec.passes.check.context import Context
from cotspec.spec.experiment import OnPolicy, Reward, Stage

_UNKNOWN: Final = 2048
"""Tokens that a text which a person wrote may have, as far as a reward is tried on it."""
_TRACES: Final = 6
"""Traces of an earlier run that rewards are tried on: the shortest, the longest, and some between."""


class Judged(NamedTuple):
    """A stage's reward and what is known of it."""

    path: Path
    """Path of the reward in the spec."""
    stage: Stage
    train: OnPolicy
    reward: Reward
    trial: Trial
    context: Context

    def span(self, part: SubExpression) -> Span:
        """Where a part of an expression is written."""
        return self._span(part.place, part.parsed.column(part.tree), part.parsed.length(part.tree))

    def whole(self, place: Place) -> Span:
        """Where a whole expression is written."""
        return self.context.source.value((*self.path, *place))

    def _span(self, place: Place, column: int, length: int) -> Span:
        text, path, source = bodies.expression_at(self.reward, place), (*self.path, *place), self.context.source
        start = source.inside(path, text, column)
        end = source.inside(path, text, min(column + length - 1, len(text)))
        return Span(start.file, start.line, start.column, end.end_line, end.end_column)


def judged(context: Context) -> Sequence[Judged]:
    """Every reward that can be tried."""
    return context.once(_judged)


def _judged(context: Context) -> Sequence[Judged]:
    return tuple(_each(context))


def _each(context: Context) -> Iterator[Judged]:
    for path, _, stage in context.stages():
        if stage.reward is None or not isinstance(stage.train, OnPolicy):
            continue
        trial = tried(bodies.reward(stage.reward), limits(context, stage, stage.train))
        if trial is not None:
            yield Judged((*path, "reward"), stage, stage.train, stage.reward, trial, context)


def limits(context: Context, stage: Stage, train: OnPolicy) -> Limits:
    """How long responses and traces can be, and how long some traces of an earlier run are."""
    spec = context.experiment
    sizes = sorted({(record.steps, record.words, record.tokens) for record in context.traces(stage)})
    keep, names = trace_steps.kept(context, stage), [generations.target_of(spec, each) for each in stage.sources]
    longest = max((generations.longest(spec, name) or _UNKNOWN for name in names if name), default=0)
    most = longest if keep.at_most is None else keep.at_most
    texts = generations.asked_texts(spec, stage)
    return Limits(
        tokens=train.sampling.max_new_tokens,
        teacher_tokens=longest,
        teacher_steps=(keep.at_least, max(most, keep.at_least)),
        teacher_says=keep.correct or keep.at_least > 0,
        traces=tuple(dict.fromkeys(sizes[at * (len(sizes) - 1) // (_TRACES - 1)] for at in range(_TRACES) if sizes)),
        group=train.samples,
        texts=texts,
        longest_texts=tuple(generations.longest(spec, name) or _UNKNOWN for name in texts),
        form=bodies.trace_format(spec.trace).form,
        judges=tuple(sorted(stage.judges)),
        longest_verdicts=tuple(stage.judges[name].sampling.max_new_tokens for name in sorted(stage.judges)),
    )


def sizes(measures: Mapping[str, float], names: Collection[str]) -> str:
    """`3 words`, `2 steps and 40 words`: what is named, of a response."""
    parts = [_counted(int(measures[name]), name) for name in ("steps", "words", "tokens") if name in names]
    return " and ".join(parts)


def prompt(measures: Mapping[str, float], names: Collection[str]) -> str:
    """`a trace of 4 steps`: what is named, of the teacher."""
    parts = [
        _counted(int(measures[f"teacher_{name}"]), name)
        for name in ("steps", "words", "tokens")
        if f"teacher_{name}" in names
    ]
    return f"a trace of {' and '.join(parts)}" if parts else ""


def _counted(count: int, name: str) -> str:
    return f"{count} {name[:-1] if count == 1 else name}"


def valued(measures: Mapping[str, float], names: Collection[str]) -> str:
    """``words` 0 and `teacher_steps` 4`: the measures that are named, as they are."""
    told = []
    for name in sorted(names):
        value = measures[name]
        told.append(f"`{name}` is {str(value).lower() if isinstance(value, bool) else f'{value:g}'}")
    return " and ".join(told)
