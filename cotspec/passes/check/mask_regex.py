"""Regular expressions of mask units."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import RegexUnit

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: complete"

RULE = Rule(
    slug="mask-regex",
    claim="The regular expression of a mask unit is one that RE2 reads, and matches more than the empty text.",
    why="It would fail when rows are built, or hide nothing. RE2 searches any text in linear time, and for that does "
    "without look-ahead, look-behind and back-references: match the text around as well, or write it out. A `{` that "
    "begins no count is refused too, as RE2 takes it for text: `{,3}` is `{0,3}` there.",
    failing=f"stages: {{first: {{{_STAGE}, mask: {{unit: {{regex: '['}}, count: 1}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, mask: {{unit: {{regex: '[0-9]+'}}, count: 1}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every mask whose unit is a regular expression."""
    for where, regex in units(context):
        from cotspec.cot.pattern import PatternError, compiled  # here, as few specs have one

        try:
            empty = compiled(regex).fullmatch("") is not None
        except PatternError as error:
            span = context.source.inside(where, regex, min(error.column, len(regex)))
            yield finding(RULE, span, f"the regular expression is refused: {error}", error.help)
            continue
        if empty:
            message = "the regular expression matches the empty text"
            yield finding(RULE, context.source.value(where), message, "use `+` instead of `*`")


def units(context: Context) -> Iterator[tuple[Path, str]]:
    """Every regular expression of a mask, with its path."""
    for path, _, stage in context.stages():
        if stage.mask is not None and isinstance(stage.mask.unit, RegexUnit):
            yield (*path, "mask", "unit", "regex"), stage.mask.unit.regex
