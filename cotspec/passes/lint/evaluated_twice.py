"""Models and stages that are evaluated twice."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning

RULE = Rule(
    slug="evaluated-twice",
    claim="`evaluate.of` names each model and stage once.",
    why="The report has one row for each; a second mention is a slip, often for another name.",
    failing="evaluate: {data: test, of: [base, first, second, first]}\n",
    passing="evaluate: {data: test, of: [base, first, second]}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every entry after its first."""
    of = context.experiment.evaluate.of
    for at, name in enumerate(of):
        first = of.index(name)
        if first < at:
            span, seen = (context.source.value(("evaluate", "of", item)) for item in (at, first))
            message, related = f"`{name}` is evaluated twice", ((seen, "is the first mention"),)
            yield warning(RULE, span, message, "leave one out", related=related)
