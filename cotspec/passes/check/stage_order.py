"""Stages that start from themselves or from a later one."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import either
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import TriedRows

_SECOND = "train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve"

RULE = Rule(
    slug="stage-order",
    claim="A stage uses only stages that stand above it.",
    why="A spec is read and run from top to bottom; a stage cannot start from what it, or a later one, will make.",
    failing=f"stages: {{first: {{start: second, {_SECOND}}}}}\n",
    passing=f"stages: {{first: {{start: base, {_SECOND}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """`start` and `rows.of` of every stage."""
    stages = list(context.experiment.stages)
    for path, name, stage in context.stages():
        uses: list[tuple[Path, str]] = [((*path, "start"), stage.start)]
        if isinstance(stage.rows, TriedRows):
            uses.append(((*path, "rows", "of"), stage.rows.of))
        earlier = (*context.experiment.models, *stages[: stages.index(name)])
        for where, used in uses:
            if used in stages and used not in earlier:
                what = "itself" if used == name else f"`{used}`, which comes later"
                place = ((context.source.key(("stages", used)), f"is stage `{used}`"),)
                message = f"stage `{name}` uses {what}"
                advice = f"there is {either(earlier)} to use"
                yield finding(RULE, context.source.value(where), message, advice, related=place)
