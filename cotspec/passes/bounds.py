"""How many problems, traces, rows and optimizer steps there can be at most, as far as a spec says.

A builtin's size, the lines of a file, slices, at most one trace per question; the real number once a run has left its
traces. Knows no rule.
"""

from __future__ import annotations

from cotspec.ir import generations
from cotspec.passes.check.context import Context
from cotspec.spec.base import Slice
from cotspec.spec.experiment import Data, Stage
from cotspec.trainers import trainer_of


def whole(context: Context, data: Data) -> int | None:
    """Problems of a data set before its slice; None when only its source knows."""
    if data.builtin is not None:
        return data.size
    return None if data.file is None else context.count_lines(data.file)


def problems(context: Context, name: str) -> int | None:
    """Most problems of the data set called `name`; None when nothing says."""
    data = context.experiment.data.get(name)
    return None if data is None else _within(whole(context, data), data.slice)


def traces(context: Context, name: str) -> int | None:
    """Most records of a generation: those of an earlier run, or one for each that it is made over."""
    spec, most = context.experiment, None
    for each in reversed(generations.chain(spec, name)):
        given, read = spec.generate[each], context.read_traces(each)
        most = problems(context, given.over) if given.over in spec.data else _within(most, given.slice)
        if read is not None and read.count is not None:
            most = read.count
    return most


def rows(context: Context, stage: Stage) -> int | None:
    """Most rows of one epoch."""
    return _within(traces(context, stage.rows.from_), stage.rows.slice)


def steps(context: Context, stage: Stage) -> int | None:
    """Most optimizer steps."""
    found = rows(context, stage)
    return None if found is None else trainer_of(stage.train).batch(stage.train).steps(found * stage.train.epochs)


def _within(there: int | None, slice: Slice | None) -> int | None:
    if slice is None:
        return there
    first, end = slice
    return max(0, (end if there is None else min(end, there)) - first)
