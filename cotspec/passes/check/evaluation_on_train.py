"""Held-out data that is held out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.ir.defaults import VALID_DATA
from cotspec.passes import held_out
from cotspec.passes.check.context import Context, finding
from cotspec.spec.base import Slice
from cotspec.spec.experiment import Data

RULE = Rule(
    slug="evaluation-on-train",
    claim="Evaluation, the teacher's traces and `valid` are about different problems.",
    why="A student that has seen a problem is not tested by it. A copy of a file under another name is the same set.",
    failing="evaluate: {data: train, of: [base]}\n",
    passing="evaluate: {data: test, of: [base, second]}\n",
)

_PART = re.compile(r"(?P<split>[^\[\]]+)(?:\[(?P<first>\d*%?):(?P<end>\d*%?)\])?")
"""A split of the hub, or rows of it: `train`, `train[:1000]`, `train[:10%]`."""
_OPEN_END = 2**63


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every set that measures against those whose problems it must not hold."""
    for pair in held_out.pairs(context):
        if not _share(context, pair.data, pair.other):
            continue
        related = ((context.source.key(("data", pair.other)), "is the same source"),)
        advice = "evaluate on another split, or on rows of another slice"
        if pair.data == VALID_DATA:
            advice = "hold out another split, or rows of another slice"
        yield finding(RULE, pair.span, f"`{pair.data}` holds problems {pair.what}", advice, related=related)


def _share(context: Context, one: str, other: str) -> bool:
    """Whether two names stand for data sets that can have problems in common."""
    a, b = (context.experiment.data.get(name) for name in (one, other))
    return a is not None and b is not None and (one == other or _overlap(context, a, b))


def _overlap(context: Context, a: Data, b: Data) -> bool:
    """Whether two data sets can share rows: one source and split, and slices that meet.

    Two draws of a builtin set share no rows by position; with one split and two seeds they may still share problems.
    """
    if (a.hub, a.builtin, a.config) != (b.hub, b.builtin, b.config) or not _splits_meet(a, b):
        return False
    if not _one_file(context, a, b):
        return False
    same_draw = a.builtin is None or (a.seed, a.steps) == (b.seed, b.steps)
    if not same_draw or a.slice is None or b.slice is None or a.split != b.split:
        return True
    return _meet(a.slice, b.slice)


def _one_file(context: Context, a: Data, b: Data) -> bool:
    """Whether both name no file, or one: a copy under another name is the same set."""
    if a.file is None or b.file is None:
        return a.file == b.file
    return context.same_file(a.file, b.file)


def _splits_meet(a: Data, b: Data) -> bool:
    """Whether two splits are one, or rows of one that meet; of what cannot be read nothing is claimed."""
    if a.split == b.split or a.split is None or b.split is None:
        return a.split == b.split
    one, other = (_PART.fullmatch(split) for split in (a.split, b.split))
    if one is None or other is None or one["split"].strip() != other["split"].strip():
        return False
    if one["end"] is None or other["end"] is None:
        return True  # rows of a split, and all of it
    ours, theirs = _rows(one), _rows(other)
    return _percent(one) == _percent(other) and _meet(ours, theirs)


def _percent(part: re.Match[str]) -> bool:
    return "%" in part["first"] + part["end"]


def _rows(part: re.Match[str]) -> Slice:
    return int(part["first"].rstrip("%") or 0), int(part["end"].rstrip("%") or _OPEN_END)


def _meet(a: Slice, b: Slice) -> bool:
    return a[0] < b[1] and b[0] < a[1]
