"""One set of an evaluation, or several."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.suggest import alike
from cotspec.passes.check.context import Context, finding, misnamed
from cotspec.spec.evaluation import sets_of, suites_of

_OF = "of: [base, first, second]"

RULE = Rule(
    slug="evaluation-sets",
    claim="`evaluate` has either `data` or `sets`; what stands beside `sets` is used by one, and a set asks whom "
    "`evaluate.of` names.",
    why="`data` is the one set of a short evaluation. Beside `sets` it would be asked by nobody, or be a set without a "
    "name; a shared prompt that every set replaces, or a model that no set asks, is read as if it counted.",
    failing=f"evaluate: {{data: test, {_OF}, sets: {{few-shot: {{data: test, of: [base]}}}}}}\n",
    passing=f"evaluate: {{{_OF}, sets: {{test: {{data: test}}, valid: {{data: valid, of: [base]}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check the evaluation."""
    given, source = context.experiment.evaluate, context.source
    yield from _suites(context)
    if given.sets is None:
        if given.data is None:
            advice = "give `data`, or several `sets: {test: {data: …}}`"
            yield finding(RULE, source.key(("evaluate",)), "`evaluate` names no questions", advice)
        return
    if given.data is not None:
        related = ((source.key(("evaluate", "sets")), "are the sets"),)
        advice = f"write it as a set, `{given.data}: {{data: {given.data}}}`, or leave `sets` out"
        yield finding(
            RULE, source.key(("evaluate", "data")), "`evaluate` has `data` and `sets`", advice, related=related
        )
    yield from _asked(context)
    yield from _shared(context)


def _suites(context: Context) -> Iterator[Diagnostic]:
    """Whom suites measure: of `evaluate.of`, those that have weights."""
    spec, misspelt = context.experiment, _misspelt(context)
    for suite in suites_of(spec.evaluate):
        own = suite.given.of is not None
        at = ("evaluate", "suites", suite.name, "of") if own else ("evaluate", "of")
        for place, name in enumerate(suite.of):
            span, model = context.source.value((*at, place)), spec.models.get(name)
            if name not in spec.evaluate.of and any(alike(name, other) for other in misspelt):
                continue
            if name not in spec.evaluate.of:
                yield misnamed(RULE, span, f"`evaluate.of` has no `{name}`", name, spec.evaluate.of)
            elif model is not None and model.endpoint is not None:
                message = f"suite `{suite.name}` measures weights, and `{name}` is behind a server"
                yield finding(RULE, span, message, "give the suite an `of` without it")


def _misspelt(context: Context) -> list[str]:
    """Names in `evaluate.of` that nothing has, which is another finding."""
    spec = context.experiment
    return [name for name in spec.evaluate.of if name not in (*spec.models, *spec.stages)]


def _asked(context: Context) -> Iterator[Diagnostic]:
    """Whom the sets ask: all of `evaluate.of`, and nobody else. A name there that nothing has is another finding."""
    spec, sets = context.experiment, sets_of(context.experiment.evaluate)
    models_and_stages = (*spec.models, *spec.stages)
    misspelt = _misspelt(context)
    for each in sets:
        for at, name in enumerate(each.of if "of" in each.own else ()):
            span, message = context.source.value((*each.path, "of", at)), f"`evaluate.of` has no `{name}`"
            if name in spec.evaluate.of or any(alike(name, other) for other in misspelt):
                continue
            if name in models_and_stages:
                yield finding(RULE, span, message, "add it there: a set asks some of those or all")
            else:
                yield misnamed(RULE, span, message, name, spec.evaluate.of)
    asked_models = {name for each in sets for name in each.of}
    for at, name in enumerate(spec.evaluate.of):
        if name in models_and_stages and name not in asked_models:
            span = context.source.value(("evaluate", "of", at))
            yield finding(RULE, span, f"no set asks `{name}`", "add it to the `of` of a set, or leave it out here")


def _shared(context: Context) -> Iterator[Diagnostic]:
    """Shared settings that no set takes."""
    for key in ("sampling", "prompt"):
        path = ("evaluate", key)
        if path in context.source.keys and all(key in each.own for each in sets_of(context.experiment.evaluate)):
            message = f"every set has a `{key}` of its own, and this one is used by none"
            yield finding(RULE, context.source.key(path), message, "leave it out, here or in a set")
