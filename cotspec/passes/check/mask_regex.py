"""Regular expressions of mask units."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import RegexUnit

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: complete"

RULE = Rule(
    slug="mask-regex",
    claim="The regular expression of a mask unit compiles and matches more than the empty text.",
    why="It would fail when rows are built, or hide nothing.",
    failing=f"stages: {{first: {{{_STAGE}, mask: {{unit: {{regex: '['}}, count: 1}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, mask: {{unit: {{regex: '[0-9]+'}}, count: 1}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every mask whose unit is a regular expression."""
    for path, _, stage in context.stages():
        unit = stage.mask.unit if stage.mask is not None else None
        if not isinstance(unit, RegexUnit):
            continue
        where = (*path, "mask", "unit", "regex")
        try:
            empty = re.compile(unit.regex).fullmatch("") is not None
        except re.error as error:
            span = context.source.inside(where, unit.regex, (error.pos or 0) + 1)
            yield finding(RULE, span, f"the regular expression does not compile: {error.msg}", "see Python's `re`")
            continue
        if empty:
            span = context.source.value(where)
            yield finding(RULE, span, "the regular expression matches the empty text", "use `+` instead of `*`")
