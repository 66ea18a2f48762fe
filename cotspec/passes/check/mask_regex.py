"""Regular expressions of mask units."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source import Path
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import RegexUnit

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: complete"

RULE = Rule(
    slug="mask-regex",
    claim="The regular expression of a mask unit is one of Python's `re`, without back-references, and matches more "
    "than the empty text.",
    why="It would fail when rows are built, mean something else to the engine that runs it, or hide nothing.",
    failing=f"stages: {{first: {{{_STAGE}, mask: {{unit: {{regex: '['}}, count: 1}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, mask: {{unit: {{regex: '[0-9]+'}}, count: 1}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every mask whose unit is a regular expression."""
    for where, regex in units(context):
        from cotspec.cot.pattern import Malformed, judge  # here, as few specs have one

        wrong = judge(regex)
        if isinstance(wrong, Malformed):
            span = context.source.inside(where, regex, min(wrong.column, len(regex)))
            yield finding(RULE, span, f"the regular expression is refused: {wrong.message}", wrong.help)
        elif wrong is None and (message := _fails(regex)):
            yield finding(RULE, context.source.value(where), message, "use `+` instead of `*`")


def units(context: Context) -> Iterator[tuple[Path, str]]:
    """Every regular expression of a mask, with its path."""
    for path, _, stage in context.stages():
        if stage.mask is not None and isinstance(stage.mask.unit, RegexUnit):
            yield (*path, "mask", "unit", "regex"), stage.mask.unit.regex


def _fails(regex: str) -> str:
    """What the engine that masks run on finds wrong with an expression it can run safely; "" is nothing."""
    from cotspec.cot.units import UnitError, compile_regex

    try:
        empty = compile_regex(regex).fullmatch("") is not None
    except UnitError as error:
        return str(error)
    return "the regular expression matches the empty text" if empty else ""
