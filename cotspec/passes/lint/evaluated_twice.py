"""Models and stages that are evaluated twice."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, warning
from cotspec.spec.evaluation import AskedSet, sets_of

RULE = Rule(
    slug="evaluated-twice",
    claim="`evaluate.of` names each model and stage once, and two sets differ in what is asked or how.",
    why="The report has one row for each; a second mention is a slip, often for another name. Two sets of the same "
    "questions, prompt and sampling hold the same answers.",
    failing="evaluate: {data: test, of: [base, first, second, first]}\n",
    passing="evaluate: {data: test, of: [base, first, second]}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every entry of a list after its first, and every set that asks what an earlier one asks."""
    sets = sets_of(context.experiment.evaluate)
    yield from _names(context, ("evaluate", "of"), context.experiment.evaluate.of)
    for at, asked in enumerate(sets):
        if "of" in asked.own:
            yield from _names(context, asked.at("of"), asked.of)
        first = next((other for other in sets[:at] if _same(asked, other)), None)
        if first is not None:
            span, seen = (context.source.key(each.path) for each in (asked, first))
            message, related = f"`{asked.name}` asks what `{first.name}` asks", ((seen, "is the first one"),)
            yield warning(RULE, span, message, "give it a prompt or sampling of its own", related=related)


def _names(context: Context, path: Path, of: tuple[str, ...]) -> Iterator[Diagnostic]:
    for at, name in enumerate(of):
        first = of.index(name)
        if first < at:
            span, seen = (context.source.value((*path, item)) for item in (at, first))
            message, related = f"`{name}` is evaluated twice", ((seen, "is the first mention"),)
            yield warning(RULE, span, message, "leave one out", related=related)


def _same(one: AskedSet, other: AskedSet) -> bool:
    """Whether somebody answers the same questions in both, asked in one way."""
    how = [(each.data, each.sampling, each.prompt) for each in (one, other)]
    return how[0] == how[1] and not set(one.of).isdisjoint(other.of)
