"""Masks whose unit is not in the steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.history import traces
from cotspec.passes.check.context import Context, finding, warning
from cotspec.spec.experiment import Mask, RegexUnit

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: complete"

RULE = Rule(
    slug="mask-never-matches",
    claim="The unit of a mask is found inside steps, without their openers.",
    why="A mask that finds nothing hides nothing. The opener of a step (`Step 1:`) and the answer are no part of what "
    "is searched, and neither are the blanks and line ends around a step.",
    failing=f"stages: {{first: {{{_STAGE}, mask: {{unit: {{regex: 'Step \\d+:'}}, count: 1}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, mask: {{unit: {{regex: '\\d+'}}, count: 1}}}}}}\n",
)

_SAMPLES: Final = (
    "Tom has 5 apples and buys 3 more, so he has 5 + 3 = 8 apples.",
    r"First, find the total: \[ 12 \times 2.50 = \$30.00 \] That is 25% of 120, or 1/4.",
    "Since x = 2y and y = 4, we get x = 8. Therefore she needs (8 - 2) * 1,000 = 6,000 km.",
    "From Step 2 and step 1 we know the answer to the first part; the final step is left.",
    "**Calculate** the rest:\n- 60 minutes / 4 people = 15 minutes per person;\n- so each of them gets `15`.",
)
"""Steps as teachers write them: words, numbers, LaTeX, other steps, a list over several lines."""


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every mask."""
    for path, _, stage in context.stages():
        if stage.mask is None:
            continue
        counts = context.unit_counts(stage)
        if counts:
            yield from _counted(context, (*path, "mask", "unit"), stage.mask, counts)
        elif isinstance(stage.mask.unit, RegexUnit):
            yield from _opener(context, (*path, "mask", "unit", "regex"), stage.mask.unit.regex)


def _counted(context: Context, path: Path, mask: Mask, counts: tuple[int, ...]) -> Iterator[Diagnostic]:
    without = counts.count(0)
    if traces.rare(without, len(counts)) or mask.unit == "step":
        return
    regex = isinstance(mask.unit, RegexUnit)
    span = context.source.value((*path, "regex") if regex else path)
    what = "the regular expression matches nothing" if regex else f"there is no {mask.unit}"
    advice = "look at the steps with `cotspec preview`" if regex else "mask another unit"
    message = f"{what} in the steps of {traces.told(without, len(counts))}"
    say = finding if without == len(counts) else warning
    yield say(RULE, span, message, advice)


def _opener(context: Context, path: Path, regex: str) -> Iterator[Diagnostic]:
    """Without traces: an expression that needs the opener, or the line end, of a step."""
    from cotspec.cot.pattern import PatternError, matches  # here: most masks are no expressions

    opener = context.experiment.trace["step"].opens.replace("{n}", "1")
    answer = context.experiment.trace["answer"].opens
    try:
        if any(matches(regex, text) for text in _SAMPLES):
            return
        for name, text in (("step", opener), ("answer", answer)):
            if any(matches(regex, f"{text} {sample}") for sample in _SAMPLES):
                message = f"the regular expression needs the opener `{text}`, which is not part of what is searched"
                advice = "mask `unit: step`" if name == "step" else "the answer is never shown: leave the mask out"
                yield warning(RULE, context.source.value(path), message, advice)
                return
        if any(matches(regex, f"\n{sample}\n") for sample in _SAMPLES):
            message = "the regular expression needs a line end around the step, which is not part of what is searched"
            yield warning(RULE, context.source.value(path), message, "leave the line end out")
    except PatternError:
        return  # a rule of its own says so
