"""Optimizer steps that a run does not have."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes import upper_bounds
from cotspec.passes.check.context import Context, finding, warning
from cotspec.spec.experiment import AtStep, Best, Stage
from cotspec.trainers import trainer_of

_STAGE = "start: base, task: solve, rows: {from: teach, slice: [0, 64]}, train:"

RULE = Rule(
    slug="past-the-run",
    claim="Warm-up ends, and a checkpoint is chosen, within the steps that the rows make; there is at least one.",
    why="A run has its rows × epochs ÷ `global_batch` steps (grpo: prompts in batches of `global_batch` ÷ `group`, "
    "times `iterations`; grpo and dpo leave out what fills no batch). A warm-up as long as that never reaches the "
    "learning rate; a checkpoint after it is refused when the training starts.",
    failing=f"stages: {{first: {{{_STAGE} {{by: sft, lr: 1e-5, warmup_steps: 80}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{by: sft, lr: 1e-5, warmup_steps: 1}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage whose number of rows is bounded."""
    for path, name, stage in context.stages():
        rows, steps = upper_bounds.rows(context, stage), upper_bounds.steps(context, stage)
        if rows is None or steps is None or rows == 0:
            continue  # an empty slice is another rule's
        if steps == 0:
            yield _nothing(context, path, name, stage, rows)
            continue
        run = f"the run has at most {steps} step{'' if steps == 1 else 's'} ({_counted(stage, rows)})"
        yield from _warmup(context, path, stage, steps, run)
        yield from _checkpoint(context, path, stage, steps, run)


def _nothing(context: Context, path: Path, name: str, stage: Stage, rows: int) -> Diagnostic:
    span = context.source.value((*path, "train", "global_batch"))
    message = f"stage `{name}` never fills a batch: {_counted(stage, rows)}"
    return finding(RULE, span, message, "lower `global_batch`, or train on more rows")


def _counted(stage: Stage, rows: int) -> str:
    train, batch = stage.train, trainer_of(stage.train).batch(stage.train)
    times = f"{rows} rows" + (f" × {train.epochs} epochs" if train.epochs > 1 else "")
    again = f", each used {batch.uses} times" if batch.uses > 1 else ""
    return f"{times}, {batch.rows}{' prompts' if batch.of > 1 else ''} a step{again}"


def _warmup(context: Context, path: Path, stage: Stage, steps: int, run: str) -> Iterator[Diagnostic]:
    given = stage.train.warmup_steps
    if given is not None and given >= steps:
        span = context.source.value((*path, "train", "warmup_steps"))
        message = f"the learning rate is never reached: warm-up takes {given} steps and {run}"
        yield warning(RULE, span, message, "shorten it, or give `warmup_ratio: 0.1`")


def _checkpoint(context: Context, path: Path, stage: Stage, steps: int, run: str) -> Iterator[Diagnostic]:
    chosen = None if stage.advance is None else stage.advance.checkpoint
    here = (*path, "advance", "checkpoint")
    if isinstance(chosen, AtStep) and chosen.step > steps:
        span = context.source.value((*here, "step"))
        yield finding(RULE, span, f"there is no step {chosen.step}: {run}", "choose an earlier one, or `final`")
    if isinstance(chosen, Best) and chosen.every >= steps:
        message = f"there is nothing to choose from but the final weights: one is kept every {chosen.every} and {run}"
        written = (*here, "every") if (*here, "every") in context.source.values else (*here, "best")
        yield warning(RULE, context.source.value(written), message, "lower `every`")
