"""Models and stages that are evaluated twice."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, warning
from cotspec.spec.evaluation import AskedSet, AskedSuite, sets_of, suites_of

RULE = Rule(
    slug="evaluated-twice",
    claim="`evaluate.of` names each model and stage once, a suite each task, and two sets or suites differ in what is "
    "asked or how.",
    why="The report has one row for each; a second mention is a slip, often for another name. Two sets of the same "
    "questions, prompt and sampling hold the same answers, and two suites of the same tasks the same figures.",
    failing="evaluate: {data: test, of: [base, first, second, first]}\n",
    passing="evaluate: {data: test, of: [base, first, second]}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every entry of a list after its first, and every set or suite that asks what an earlier one asks."""
    sets, suites = sets_of(context.experiment.evaluate), suites_of(context.experiment.evaluate)
    yield from _names(context, ("evaluate", "of"), context.experiment.evaluate.of)
    for at, evaluated in enumerate(sets):
        if "of" in evaluated.own:
            yield from _names(context, evaluated.at("of"), evaluated.of)
        first = next((other for other in sets[:at] if _same(evaluated, other)), None)
        if first is not None:
            advice = "give it a prompt or sampling of its own"
            yield _again(context, evaluated.path, first.path, "asks", advice)
    for at, suite in enumerate(suites):
        path = _path(suite)
        yield from _names(context, (*path, "of"), suite.given.of or ())
        yield from _names(context, (*path, "tasks"), suite.given.tasks, "asked")
        same = next((other for other in suites[:at] if _same_suite(suite, other)), None)
        if same is not None:
            yield _again(context, path, _path(same), "measures", "leave one out")


def _path(suite: AskedSuite) -> Path:
    return ("evaluate", "suites", suite.name)


def _again(context: Context, path: Path, earlier: Path, does: str, advice: str) -> Diagnostic:
    """A set or suite that comes to what an earlier one comes to."""
    message, seen = f"`{path[-1]}` {does} what `{earlier[-1]}` {does}", context.source.key(earlier)
    return warning(RULE, context.source.key(path), message, advice, related=((seen, "is the first one"),))


def _names(context: Context, path: Path, of: tuple[str, ...], done: str = "evaluated") -> Iterator[Diagnostic]:
    for at, name in enumerate(of):
        first = of.index(name)
        if first < at:
            span, seen = (context.source.value((*path, item)) for item in (at, first))
            message, related = f"`{name}` is {done} twice", ((seen, "is the first mention"),)
            yield warning(RULE, span, message, "leave one out", related=related)


def _same(one: AskedSet, other: AskedSet) -> bool:
    """Whether somebody answers the same questions in both, asked in one way."""
    how = [(each.data, each.sampling, each.prompt) for each in (one, other)]
    return how[0] == how[1] and not set(one.of).isdisjoint(other.of)


def _same_suite(one: AskedSuite, other: AskedSuite) -> bool:
    """Whether somebody answers the same tasks in both, asked in one way."""
    how = [(set(each.given.tasks), each.given.shots, each.given.limit, each.given.version) for each in (one, other)]
    return how[0] == how[1] and not set(one.of).isdisjoint(other.of)
