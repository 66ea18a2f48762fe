"""Limits on generation that cut the answer off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from cotspec.builtin.registry import DATA, MODELS
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.history import traces
from cotspec.ir import generations
from cotspec.passes import ancestry
from cotspec.passes.check.context import Context, warning
from cotspec.spec.evaluation import sets_of
from cotspec.spec.experiment import Experiment, Generation

if TYPE_CHECKING:
    from cotspec.cot.records import TraceRecord

RULE = Rule(
    slug="answer-cut",
    claim="`max_new_tokens` holds a solution up to its answer.",
    why="The answer comes last. A solution that is cut counts as wrong, however good it is: accuracy, mined failures "
    "and rewards then measure the limit. How long solutions are is known from the teacher's traces of an earlier run; "
    "without one, a limit is held against the openers of as many steps as `keep` asks for, and for a builtin data set "
    "against its own worked solutions, which is an estimate.",
    failing="evaluate: {data: test, of: [base, first, second], sampling: {temperature: 0, max_new_tokens: 4}}\n",
    passing="evaluate: {data: test, of: [base, first, second], sampling: {temperature: 0, max_new_tokens: 256}}\n",
)


LOOKED: Final = 40
"""Worked solutions of a builtin set that limits are held against: some milliseconds."""
SURE: Final = 0.8
"""An estimate is a finding when the limit is below this part of the shortest of them."""
LONGEST: Final = 20
"""Steps of a builtin problem up to which its solutions are written."""


class _Known(NamedTuple):
    """What is known of solutions before any was written. Texts are counted when a limit could be below them: no text
    has more tokens than bytes, and the tokenizer of a builtin model takes as long to read as the rest of a check."""

    builtin: str | None
    """The model that writes them, where it is a builtin one."""
    steps: int
    """The fewest steps that a solution has."""
    openers: str
    """The openers and one more word for each, with the fewest steps a trace may have: no solution is shorter."""
    worked: tuple[str, ...] = ()
    """Worked solutions to problems of a builtin set, in their short forms."""

    def least(self, limit: int) -> int:
        """Tokens of the openers where they are more than `limit`, else some number up to it."""
        return _tokens(self.builtin, self.openers) if limit <= len(self.openers.encode()) else 0

    def cut(self, limit: int) -> Sequence[int]:
        """Tokens of the worked solutions, where `limit` is surely below the shortest of them."""
        if not self.worked or limit >= SURE * (1 + min(len(text.encode()) for text in self.worked)):
            return ()
        counts = _counts(self.builtin, self.worked)
        return counts if limit < SURE * min(counts) else ()


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every place where a solution is written as long as its own; `rewrite` asks for less."""
    spec = context.experiment
    for name, each in spec.generate.items():
        yield from _texts(context, name, each)
    yield from _evaluation(context)
    for path, name, stage in context.stages():
        if stage.train.drawn is not None:
            texts = [generations.root(spec, each.from_) for each in stage.sources]
            known = _known(context, name, _unread(context, texts[0]), min(_steps(spec, text) for text in texts))
            drawn, shorter = stage.train.drawn.max_new_tokens, stage.task == "rewrite"
            own = known._replace(worked=()) if shorter else known
            records = () if shorter else context.traces(stage)
            yield from _limit(context, (*path, "train", "sampling"), drawn, own, records)


def _texts(context: Context, name: str, given: Generation) -> Iterator[Diagnostic]:
    """A generation; texts over texts are tries at the questions that those answer. A gathered one answers none."""
    if given.gather is not None:
        return
    spec, text = context.experiment, generations.root(context.experiment, name)
    known = _known(context, given.by, _unread(context, text), _steps(spec, text))
    read = context.read_traces(text) if text != name else None
    records: Sequence[TraceRecord] = () if read is None else read.within(given.slice)
    yield from _limit(context, ("generate", name, "sampling"), given.sampling.max_new_tokens, known, records)


def _evaluation(context: Context) -> Iterator[Diagnostic]:
    """The last model of each table, on questions like those of any traces."""
    spec = context.experiment
    roots = list(dict.fromkeys(generations.root(spec, name) for name in generations.used(spec)))
    read = [earlier for name in roots if (earlier := context.read_traces(name)) is not None]
    steps = min((_steps(spec, name) for name in roots), default=1)
    records = [record for earlier in read for record in earlier.records]
    for asked in sets_of(spec.evaluate):
        known = _known(context, asked.of[-1], "" if read else asked.data, steps)
        yield from _limit(context, asked.at("sampling"), asked.sampling.max_new_tokens, known, records)


def _unread(context: Context, text: str) -> str:
    """The data set of a generation of which no earlier run is known; "" where its traces can be counted."""
    given = context.experiment.generate.get(text)
    return "" if given is None or context.read_traces(text) is not None else given.over


def _steps(spec: Experiment, text: str) -> int:
    """The fewest steps of a solution, as a filter asks for them."""
    return max(1, generations.filter_of(spec, text).at_least) if text else 1


def _limit(
    context: Context, path: Path, limit: int, known: _Known, records: Sequence[TraceRecord] = ()
) -> Iterator[Diagnostic]:
    span = context.source.value((*path, "max_new_tokens"))
    least = known.least(limit)
    if limit < least:
        steps = known.steps
        what = "no step and answer fit" if steps == 1 else f"no {steps} steps, which `keep` asks for, and answer fit"
        message = f"{what} into {limit} tokens: with their openers they take at least {least}"
        yield warning(RULE, span, message, "raise `max_new_tokens`")
        return
    cut = sum(traces.tokens(record) > limit for record in records)
    if not traces.rare(cut, len(records)):
        message = f"{traces.told(cut, len(records))} are longer than {limit} tokens (in the teacher's)"
        advice = "raise `max_new_tokens`: a solution that is cut before its answer counts as wrong"
        yield warning(RULE, span, message, advice)
    elif worked := known.cut(limit):
        message = (
            f"it is to be expected that every solution is cut at {limit} tokens: worked ones of such problems take "
            f"{min(worked)} to {max(worked)} where they are short"
        )
        yield warning(RULE, span, message, "raise `max_new_tokens`; after a run its traces are counted instead")


def _known(context: Context, who: str, data: str, steps: int) -> _Known:
    """`who` is a model or stage; `data` the set it solves, "" when there are traces to count; `steps` the fewest."""
    spec = context.experiment
    model = spec.models.get(ancestry.first_model(spec, who))
    builtin = model.builtin if model is not None and model.builtin in MODELS else None
    given = spec.data.get(data)
    worked: tuple[str, ...] = ()
    if given is not None and given.builtin in DATA and 1 <= given.steps[0] <= given.steps[1] <= LONGEST:
        worked = _worked(given.steps)
    return _Known(builtin, steps, _shortest(spec, steps), worked)


def _shortest(spec: Experiment, steps: int) -> str:
    """The shortest solution in the spec's own format: `1` stands for all that a step says."""
    opener = spec.trace["step"].opens
    lines = [f"{opener.replace('{n}', str(number))} 1" for number in range(1, steps + 1)]
    return "\n".join([*lines, f"{spec.trace['answer'].opens} 1"])


def _tokens(builtin: str | None, text: str) -> int:
    """With the end; of another model not more than it can be: no token holds two words."""
    if builtin is None:
        return len(text.split()) + 1
    from cotspec.builtin import tokens

    return tokens.count(builtin, text) + 1


@lru_cache(maxsize=8)
def _counts(builtin: str | None, texts: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(_tokens(builtin, text) for text in texts)


@lru_cache(maxsize=8)
def _worked(steps: tuple[int, int]) -> tuple[str, ...]:
    from cotspec.builtin.problems import terse

    return tuple(terse(split="train", size=LOOKED, seed=0, steps=steps))
