"""Which data sets of a spec must not hold what of which. Knows no rule, and not what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cotspec.diagnostics import Span
from cotspec.ir import generations
from cotspec.ir.defaults import VALID_DATA
from cotspec.passes.check.context import Context
from cotspec.spec.evaluation import asked_data, sets_of
from cotspec.spec.experiment import Best

_MADE = "the texts it trains on are made over"


class HeldOut(NamedTuple):
    """A data set that measures, and one whose problems it must not hold."""

    data: str
    other: str
    roles: str
    """How the task that compares them calls the two."""
    span: Span
    """Where the first one is chosen."""
    what: str
    """What happens with the problems of the other."""


def pairs(context: Context) -> Iterator[HeldOut]:
    """What is tested on against what texts are made over and `valid`; `valid` against what texts are made over."""
    spec = context.experiment
    taught, places = generations.taught(spec), {}
    for evaluated in reversed(sets_of(spec.evaluate)):  # the first place of a data set counts
        places[evaluated.data] = context.source.value(evaluated.at("data"))
    for set_role, data in asked_data(spec.evaluate).items():
        for role, name in taught.items():
            yield HeldOut(data, name, f"{set_role}.{role}", places[data], _MADE)
        if data != VALID_DATA:
            yield HeldOut(data, VALID_DATA, f"{set_role}.valid", places[data], "transitions read")
    if validates(context):
        place = context.source.key(("data", VALID_DATA))
        for role, name in taught.items():
            if name != VALID_DATA:
                yield HeldOut(VALID_DATA, name, f"valid.{role}", place, _MADE)


def validates(context: Context) -> bool:
    """Whether a transition measures on `valid`."""
    ways = [stage.advance for stage in context.experiment.stages.values() if stage.advance is not None]
    metrics = [way.checkpoint.best for way in ways if isinstance(way.checkpoint, Best)]
    metrics += [metric for way in ways for metric in way.require]
    return any(metric.startswith(f"{VALID_DATA}.") for metric in metrics)
