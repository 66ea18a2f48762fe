"""Learning rates that no run of the kind has had.

An adaptive optimizer moves each weight by about `lr` in a step, whatever the size of the gradient (Kingma & Ba 2015,
arXiv 1412.6980, section 2.1), and the weights of a language model have a standard deviation of about 0.02
(`initializer_range` in the configurations of GPT-2, Llama and Qwen2). So 5e-3 moves all of them by a quarter of that in
one step: nothing of what the model knew is left after a few. At the other end, a thousand steps of 1e-8 add up to 1e-5,
less than bfloat16 tells apart. In between, what is usual:

- sft, all weights: 1e-6 to 1e-4 for models of a billion weights and more (TRL's default 2e-5), up to 2e-3 for those of
  a million;
- grpo, all weights: 5e-7 to 5e-6 (TRL's default and DeepSeekMath, arXiv 2402.03300: 1e-6), up to 2e-4 for those of a
  million;
- with `lora`, whose product of two thin matrices starts at 0, about ten times as much (Hu et al. 2021, arXiv
  2106.09685: 2e-4).

The bounds are far outside of these: what is found is a slip (`1` for `1e-5`), not a taste. `optim: sgd` is left out,
since its steps are as large as the gradient. The bounds stand with the trainers (`cotspec.trainers.trainer`).
"""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning
from cotspec.spec.experiment import Train
from cotspec.trainers import trainer_of
from cotspec.trainers.trainer import Rates

_STAGE = "start: base, rows: {from: teach}, task: solve, train: {by: sft, lr:"

RULE = Rule(
    slug="learning-rate",
    claim="`lr` is one that a run of its kind can learn with.",
    why="An adaptive optimizer moves each weight by about `lr` in every step, and the weights themselves are about "
    "0.02. A much larger one wipes the model out in its first steps; with a much smaller one it stays as it was.",
    failing=f"stages: {{first: {{{_STAGE} 10}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} 1e-5}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage."""
    for path, _, stage in context.stages():
        train = stage.train
        if train.trainer is not None and train.trainer.optim == "sgd":
            continue
        bounds = trainer_of(train).rates[train.lora is not None]
        if bounds.low <= train.lr <= bounds.high:
            continue
        message = f"`lr` {train.lr:g} is {_what(train, bounds)}"
        advice = f"usual for {train.by} {_weights(train)}: {bounds.usual}"
        yield warning(RULE, context.source.value((*path, "train", "lr")), message, advice)


def _what(train: Train, bounds: Rates) -> str:
    if train.lr > bounds.high:
        return "so large that a few steps leave nothing of the model"
    return "so small that the weights stay as they were"


def _weights(train: Train) -> str:
    return "of all weights" if train.lora is None else "with `lora`"
