"""Held-out data that is held out."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import Data

RULE = Rule(
    slug="evaluation-on-train",
    claim="Evaluation reads other problems than the teacher's traces are about, and than `valid` holds.",
    why="A student that has seen a problem is not tested by it.",
    failing="evaluate: {data: train, of: [base]}\n",
    passing="evaluate: {data: test, of: [base]}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """The evaluation's data against the teacher's and against `valid`."""
    spec = context.experiment
    tested = spec.data.get(spec.evaluate.data)
    for other, what in ((spec.teach.data, "the teacher's traces are made from"), ("valid", "transitions read")):
        used = spec.data.get(other)
        if tested is None or used is None or (other == "valid" and spec.evaluate.data == "valid"):
            continue
        if other != spec.evaluate.data and not _overlap(tested, used):
            continue
        span = context.source.value(("evaluate", "data"))
        message = f"`{spec.evaluate.data}` holds problems {what}"
        related = ((context.source.key(("data", other)), "is the same source"),)
        yield finding(RULE, span, message, "evaluate on another split, or on rows of another slice", related=related)


def _overlap(a: Data, b: Data) -> bool:
    """Whether two data sets can share rows: one source and split, and slices that meet.

    Two draws of a builtin set share no rows by position; with one split and two seeds they may still share problems.
    """
    if (a.hub, a.builtin, a.file, a.config) != (b.hub, b.builtin, b.file, b.config) or a.split != b.split:
        return False
    same_draw = a.builtin is None or (a.seed, a.steps) == (b.seed, b.steps)
    if not same_draw or a.slice is None or b.slice is None:
        return True
    return a.slice[0] < b.slice[1] and b.slice[0] < a.slice[1]
