"""Openers that tell segments apart."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.suggest import alike
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import USUAL

_HOLE = "{n}"

RULE = Rule(
    slug="trace-openers",
    claim="The step opener has `{n}` once, the others do not, and all are different.",
    why="Steps are found by their number; two segments with one opener cannot be told apart.",
    failing='trace: {step: {opens: "Step:"}}\n',
    passing='trace: {step: {opens: "Schritt {n}:"}}\n',
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every opener."""
    trace = context.experiment.trace
    openers = {name: trace[name].opens for name in (*USUAL, *trace)}
    for name, text in openers.items():
        span = context.source.value(("trace", name, "opens"))
        if name == "step" and text.count(_HOLE) != 1:
            message = f"the opener of a step has `{_HOLE}` once, for its number"
            yield finding(RULE, span, message, 'write it like "Step {n}:"')
        elif name != "step" and _HOLE in text and not alike(name, "step"):  # that name is a finding of its own
            yield finding(RULE, span, f"only steps are numbered; `{_HOLE}` has no meaning here", "leave it out")
        elif not text.strip():
            yield finding(RULE, span, "an opener cannot be blank", "write the text the segment begins with")
        first = next(other for other in openers if openers[other].strip() == text.strip())
        if first != name and text.strip():
            yield finding(RULE, span, f"`{first}` and `{name}` have one opener", "make them different")
