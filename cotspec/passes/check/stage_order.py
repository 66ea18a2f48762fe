"""Stages that start from themselves or from a later one."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.suggest import either
from cotspec.ir import generations
from cotspec.passes import ancestry
from cotspec.passes.check.context import Context, finding

_SECOND = "train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve"

RULE = Rule(
    slug="stage-order",
    claim="A stage uses only stages that stand above it.",
    why="A spec is read and run from top to bottom; a stage cannot start from what it, or a later one, will make.",
    failing=f"stages: {{first: {{start: second, {_SECOND}}}}}\n",
    passing=f"stages: {{first: {{start: base, {_SECOND}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every model or stage that a stage names, and who writes the texts of its rows."""
    stages = list(context.experiment.stages)
    for path, name, stage in context.stages():
        uses = [((*path, *key), used) for key, used in ancestry.used(stage)]
        roots = [*(each.from_ for each in stage.sources), *stage.reads]
        texts = dict.fromkeys(text for root in roots for text in generations.chain(context.experiment, root))
        written = context.experiment.generate
        uses += [(("generate", text, "by"), written[text].by) for text in texts if text in written]
        uses += [
            (("generate", text, *key), other)
            for text in texts
            if text in written
            for key, other in written[text].others.items()
        ]
        earlier = (*context.experiment.models, *stages[: stages.index(name)])
        for where, used in uses:
            if used in stages and used not in earlier:
                what = "itself" if used == name else f"`{used}`, which comes later"
                place = ((context.source.key(("stages", used)), f"is stage `{used}`"),)
                message = f"stage `{name}` uses {what}"
                advice = f"there is {either(earlier)} to use"
                yield finding(RULE, context.source.value(where), message, advice, related=place)
