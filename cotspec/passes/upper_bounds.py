"""How many problems, traces, rows and optimizer steps there can be at most, as far as a spec says.

A builtin's size, the lines of a file, slices, at most one trace per question; the real number once a run has left its
traces. Knows no rule.
"""

from __future__ import annotations

from cotspec.cot import mixing
from cotspec.ir import bodies, generations
from cotspec.passes.check.context import Context
from cotspec.spec.base import Slice
from cotspec.spec.experiment import Data, Mix, Stage
from cotspec.trainers import trainer_of


def whole(context: Context, data: Data) -> int | None:
    """Problems of a data set before its slice; None when only its source knows."""
    if data.builtin is not None:
        return data.size
    return None if data.file is None else context.count_rows(data.file)


def problems(context: Context, name: str) -> int | None:
    """Most problems of the data set called `name`; None when nothing says."""
    data = context.experiment.data.get(name)
    return None if data is None else _within(whole(context, data), data.slice)


def traces(context: Context, name: str) -> int | None:
    """Most records of a text, or of a data set: those of an earlier run, or one for each that it is made over (or as
    many as are kept of each)."""
    spec, most = context.experiment, problems(context, generations.data_of(context.experiment, name))
    for each in reversed(generations.chain(spec, name)):
        given, read = spec.generate.get(each), context.read_traces(each)
        if given is not None:
            most = _within(most, None if given.over in spec.data and given.slice is None else given.slice)
            most = most and most * given.keep.of_each(given.sampling.n)
            most = min(most, given.keep.best.n) if most is not None and given.keep.best is not None else most
        if read is not None and read.count is not None:
            most = read.count
    return most


def rows(context: Context, stage: Stage) -> int | None:
    """Most rows of one epoch."""
    most_of_each = [_within(traces(context, each.from_), each.slice) for each in stage.sources]
    known = [most for most in most_of_each if most is not None]
    if len(known) < len(most_of_each):
        return None
    if not isinstance(stage.rows, Mix):
        return known[0] * (1 if stage.pairs is None else stage.pairs.most)
    body = bodies.mixed(stage.rows, seed=0)
    return sum(mixing.used(known, body.parts, body.order))


def steps(context: Context, stage: Stage) -> int | None:
    """Most optimizer steps."""
    most = rows(context, stage)
    return None if most is None else trainer_of(stage.train).batch(stage.train).steps(most * stage.train.epochs)


def _within(there: int | None, slice: Slice | None) -> int | None:
    if slice is None:
        return there
    first, end = slice
    return max(0, (end if there is None else min(end, there)) - first)
