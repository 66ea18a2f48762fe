"""Segments of one's own."""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from typing import Final

from cotspec.cot.conditions import OF_PAYLOADS
from cotspec.cot.expr import FUNCTION_NAMES
from cotspec.cot.measures import TABLE
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import alike
from cotspec.passes.check.context import Context, finding, misnamed
from cotspec.spec.experiment import USUAL, Segment

RULE = Rule(
    slug="trace-segments",
    claim="A segment of one's own has a name of its own, labels that expressions can name, and a `when` that reads a "
    "label of a segment above it.",
    why="Rewards and conditions ask for `critic.T` by name, and whether `when: critic.F` holds is known only where "
    "`critic` has been read.",
    failing='trace: {critic: {opens: "<critic>", label: [T, F]}, revised: {opens: "<revised>", when: critic.N}}\n',
    passing='trace: {critic: {opens: "<critic>", label: [T, F]}, revised: {opens: "<revised>", when: critic.F}}\n',
)

_OF_USUAL: Final = {"thinking": ("opens",), "step": ("opens",), "answer": ("opens", "closes", "grade")}
"""What may be said of the usual segments."""
_TAKEN: Final = frozenset({"preamble", "masked", "group", *FUNCTION_NAMES})
_MEASURES: Final = frozenset({"given", "words", "correct"})
"""What is asked of every segment."""


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every segment, with those above it."""
    above: dict[str, Segment] = {}
    for name, each in context.experiment.trace.items():
        path = ("trace", name)
        if name in USUAL:
            for key in sorted(each.model_fields_set - set(_OF_USUAL[name])):
                message = f"`{key}` has no meaning for `{name}`"
                yield finding(RULE, context.source.key((*path, key)), message, "give it to a segment of your own")
            if name == "answer" and "grade" in each.model_fields_set and not each.grade:
                message = "the answer is always graded"
                advice = "leave `grade` out: the last graded segment that is given decides"
                yield finding(RULE, context.source.value((*path, "grade")), message, advice)
        else:
            yield from _name(context, path, name)
            yield from _labels(context, path, each)
            yield from _when(context, path, each, above)
        if each.closes is not None and not each.closes.strip(" "):
            span = context.source.value((*path, "closes"))
            yield finding(RULE, span, "a closer cannot be blank", "write the text that ends the segment")
        above[name] = each


def _name(context: Context, path: Path, name: str) -> Iterator[Diagnostic]:
    span, usual = context.source.key(path), tuple(other for other in USUAL if alike(name, other))
    if name in TABLE or name in _TAKEN or OF_PAYLOADS.fullmatch(name) or keyword.iskeyword(name):
        message = f"`{name}` means something else in expressions and in `loss`"
        yield finding(RULE, span, message, "choose another name")
    elif usual:
        yield misnamed(RULE, span, f"the name `{name}` is too close to `{usual[0]}`", name, usual)


def _labels(context: Context, path: Path, each: Segment) -> Iterator[Diagnostic]:
    label = each.label or ()
    for at, word in enumerate(label):
        span = context.source.value((*path, "label", at))
        if word in _MEASURES or keyword.iskeyword(word):
            yield finding(RULE, span, f"`{word}` cannot be a label: expressions know it", "choose another word")
        elif word in label[:at]:
            yield finding(RULE, span, f"`{word}` is there twice", "leave it out")


def _when(context: Context, path: Path, each: Segment, above: dict[str, Segment]) -> Iterator[Diagnostic]:
    if each.when is None:
        return
    known = [f"{name}.{word}" for name, one in above.items() for word in one.label or ()]
    if each.when in known:
        return
    span, whole = context.source.value((*path, "when")), context.experiment.trace
    name = each.when.partition(".")[0]
    if name in whole and name not in above and whole[name].model_fields_set:
        message = f"`{name}` does not stand above: whether `{each.when}` holds is not known here"
        yield finding(RULE, span, message, "read the label of a segment above, or move this one down")
    elif not known:
        message = f"there is no label `{each.when}`: no segment above has any"
        yield finding(RULE, span, message, "give a segment above a `label: [T, F]`")
    else:
        yield misnamed(RULE, span, f"no segment above has a label `{each.when}`", each.when, known)
