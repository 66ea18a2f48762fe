r"""Regular expressions that look past what is not ASCII.

RE2 reads `\w`, `\d`, `\s` and `\b` as ASCII. Where rows of an earlier run are known, they are searched a second time
with the letters, digits and blanks of all alphabets; without rows, only a `\b` beside a letter it cannot see is plain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.history import traces
from cotspec.ir import bodies
from cotspec.passes.check.context import Context, warning
from cotspec.passes.check.mask_regex import units
from cotspec.spec.experiment import Stage

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: complete"

RULE = Rule(
    slug="regex-ascii",
    claim=r"The `\w`, `\d`, `\s` and `\b` of a regular expression meet letters, digits and blanks of ASCII only.",
    why=r"RE2 reads them so: `\w+` finds `na` and `ve` in `naïve`, and `\bé` finds no `é` after a blank. Where rows of "
    r"an earlier run are known, what is found is compared with what the classes of all alphabets find.",
    failing=f"stages: {{first: {{{_STAGE}, mask: {{unit: {{regex: '\\bélève'}}, count: 1}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, mask: {{unit: {{regex: '\\p{{L}}+'}}, count: 1}}}}}}\n",
)

_ADVICE: Final = r"write `\p{L}` for a letter, `\p{Nd}` for a digit, `[\s\p{Z}]` for a blank, and no `\b` beside them"
_BLIND: Final = r"\\b(?P<after>[^\W\d_a-zA-Z])|(?P<before>[^\W\d_a-zA-Z])\\b"


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every mask whose unit is a regular expression that can be read."""
    stages = {name: stage for _, name, stage in context.stages()}
    for where, regex in units(context):
        said = _counted(context, stages[str(where[1])], regex) or _blind(regex)
        if said:
            yield warning(RULE, context.source.value(where), said, _ADVICE)


def _blind(regex: str) -> str:
    match = re.search(_BLIND, regex)
    if match is None:
        return ""
    return rf"`\b` is a boundary of ASCII words: it sees none at `{match['after'] or match['before']}`"


def _counted(context: Context, stage: Stage, regex: str) -> str:
    from cotspec.cot.pattern import missed  # here: few specs have an expression
    from cotspec.cot.segment import segment

    format = bodies.trace_format(context.experiment.trace)
    records = traces.sample(context.traces(stage))
    missed_ = []
    for record in records:
        if record.trace.isascii():
            continue
        steps = segment(record.trace, format).steps
        missed_ += [w for step in steps if (w := missed(regex, record.trace[step.body_start : step.body_end]))][:1]
    if traces.rare(len(missed_), len(records)):
        return ""
    return f"in {traces.told(len(missed_), len(records))} it passes by text that is not ASCII, such as `{missed_[0]}`"
