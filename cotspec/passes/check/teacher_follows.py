"""Teachers that follow their student."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.spec.training import SELF, Taught

_STAGE = "start: base, rows: {from: teach}, task: solve, train: {by: distill, lr: 1e-4, follow: 0.05, teacher: "

_MORE = "context: more.jinja}}}}"
_PROMPT = "$ echo '{{ question }} {{ trace }}' > specs/more.jinja\n"

RULE = Rule(
    slug="teacher-follows",
    claim="A teacher that follows the student (`follow`) is a copy of the student's own weights (`teacher: self`), all "
    "of which are trained and lie whole on each device.",
    why="The average of two models has a meaning for weights that began alike. Adapters are not all weights, "
    "probabilities that were computed before belong to a teacher that stays, and the average of weights that are split "
    "over devices is in no checkpoint.",
    failing=_PROMPT + f"$ echo 'variants: {{follows: {{stages.first: {{{_STAGE}tutor, {_MORE}' >> specs/a.yaml\n"
    "$ cotspec check specs/a.yaml\n",
    passing=_PROMPT + f"$ echo 'variants: {{follows: {{stages.first: {{{_STAGE}self, {_MORE}' >> specs/a.yaml\n"
    "$ cotspec check specs/a.yaml\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage whose teacher follows."""
    for path, name, stage in context.stages():
        train, strategy = stage.train, context.resources(name).strategy
        known = (*context.experiment.models, *context.experiment.stages)  # any other name is another finding
        if not isinstance(train, Taught) or not train.follow:
            continue
        for wrong, key, message, advice in (
            (train.teacher in known, "teacher", f"`{train.teacher}` is no copy of the student", f"write `{SELF}`"),
            (train.lora is not None, "lora", "adapters are trained, and the average is of all weights", ""),
            (train.precompute, "precompute", "a teacher that moves has no probabilities before the run", ""),
            (strategy != "ddp", "follow", f"`strategy: {strategy}` keeps no average in its checkpoints", "use `ddp`"),
        ):
            if wrong:
                span = context.source.value((*path, "train", key))
                yield finding(RULE, span, message, advice or f"leave `{key}` out, or `follow`")
