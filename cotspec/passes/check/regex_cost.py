"""Regular expressions that never end."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.passes.check.mask_regex import units

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: complete"

RULE = Rule(
    slug="regex-cost",
    claim="A regular expression takes at most quadratic time, whatever text it is tried on.",
    why="An engine tries every way of reading a text before it gives up. Where one text can be read in two ways again "
    "and again, as by `(a+)+`, a trace of a few dozen characters keeps it busy for ever.",
    failing=f"stages: {{first: {{{_STAGE}, mask: {{unit: {{regex: '([a-z]+ ?)+='}}, count: 1}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, mask: {{unit: {{regex: '[a-z]+(?: [a-z]+)* ?='}}, count: 1}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every mask whose unit is a regular expression that can be read."""
    for where, regex in units(context):
        from cotspec.cot.pattern import Slow, judge  # here, as few specs have one

        found = judge(regex)
        if isinstance(found, Slow):
            yield finding(RULE, context.source.value(where), f"the regular expression {found.message}", found.help)
