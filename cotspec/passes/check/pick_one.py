"""A choice among several rollouts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import Generation

RULE = Rule(
    slug="pick-one",
    claim="`keep` chooses among several texts of a record, and leaves some out.",
    why="With one sample there is nothing to choose from: `shortest` and `longest` would be the same traces. Where one "
    "text goes on, it is equal to no other, and `most` leaves out what is more than so many of `sampling.n`.",
    failing="generate: {teach: {by: tutor, over: train, keep: {pick: shortest}}}\n",
    passing="generate: {teach: {by: tutor, over: train, keep: {pick: shortest}, sampling: {n: 4}}}\n",
)


class _Vain(NamedTuple):
    """A key that changes nothing, or contradicts another."""

    key: str
    message: str
    advice: str


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every filter."""
    for name, each in context.experiment.generate.items():
        if (found := _vain(each)) is not None:
            path = ("generate", name, "keep", found.key)
            span = context.source.value(path) if found.key == "pick" else context.source.key(path)
            yield finding(RULE, span, found.message, found.advice)


def _vain(given: Generation) -> _Vain | None:
    keep, written = given.keep, given.sampling.n
    asked = [key for key in ("pick", "distinct", "most") if getattr(keep, key) not in ("first", None, 1)]
    if asked and written == 1:
        return _Vain(asked[0], f"`{asked[0]}` has one text of each record", "set `sampling.n` to 2 or more")
    if keep.pick == "all" and "most" in keep.model_fields_set:
        advice = "leave `most` out, or say which go on: `pick: first`"
        return _Vain("most", "`pick: all` keeps all texts, and `most` some of them", advice)
    if keep.most > written or (keep.most == written and keep.most > 1):
        advice = "write `pick: all`, or fewer than `sampling.n`"
        return _Vain("most", f"`most` leaves none out: there are {written} texts of each record", advice)
    if keep.distinct is not None and not keep.several:
        advice = "write `most: 4`, or `pick: all`"
        return _Vain("distinct", "one text of each record goes on, which is equal to no other", advice)
    return None
