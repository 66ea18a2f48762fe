"""Settings that belong to one way of training."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import Mix, Stage
from cotspec.trainers import TRAINERS, trainer_of

_STAGE = "start: base, rows: {from: teach}, task: solve, train:"

RULE = Rule(
    slug="stage-kind",
    claim="A grpo stage has a reward, one that compares texts or distils the student's own no `loss`, and rows are "
    "pairs where a trainer compares.",
    why="GRPO learns from rewards, SFT and distillation over rows from targets, DPO and ORPO from pairs of answers; "
    "another's setting would count for nothing.",
    failing=f"stages: {{first: {{{_STAGE} {{by: grpo, lr: 1e-5}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{by: grpo, lr: 1e-5}}, "
    "reward: {terms: {a: {value: 1 if correct else 0}}}}}\n",
)


_WITHOUT: Final = MappingProxyType(
    {
        "loss": "supervises no segments",
        "reward": "has no reward",
        "begin": "begins no answers",
        "judges": "asks no judges",
    }
)
_ADVICE: Final = MappingProxyType({"loss": "add `loss: [step, answer]`", "reward": "add `reward:` with `terms:`"})


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage."""
    for path, name, stage in context.stages():
        trainer = trainer_of(stage.train)
        parts: dict[str, object] = {"loss": stage.loss, "reward": stage.reward}
        parts |= {"begin": stage.begin or None, "judges": stage.judges or None}
        for key, value in parts.items():
            if key in trainer.needs and value is None:
                message = f"stage `{name}` trains by {trainer.name} and has no {key}"
                yield finding(RULE, context.source.key((*path, "train")), message, _ADVICE[key])
            if key not in trainer.reading(stage.train) and value is not None:
                message = f"stage `{name}` trains by {trainer.name}, which {_WITHOUT[key]}"
                able = [each.name for each in TRAINERS.values() if key in each.reads and each is not trainer]
                advice = f"leave it out, or train by {' or '.join(able)}"
                if key in trainer.reads:
                    message += " of texts that are yet to be written"
                    advice += ", or on texts that are given (`over: rows`)"
                yield finding(RULE, context.source.key((*path, key)), message, advice)
        yield from _pairs(context, path, name, stage)


def _pairs(context: Context, path: Path, name: str, stage: Stage) -> Iterator[Diagnostic]:
    """Pairs are for trainers that compare, and were written in answer to the question alone."""
    eats, paired = trainer_of(stage.train).rows == "dpo", stage.pairs is not None
    if eats and not paired:
        message = f"stage `{name}` trains by {stage.train.by}, which learns from pairs of answers"
        text = stage.sources[0].from_
        advice = f"write `rows: {{from: {text}, pairs: {{better: {text}.correct}}}}`"
        key = "mix" if isinstance(stage.rows, Mix) else "from"
        yield finding(RULE, context.source.value((*path, "rows", key)), message, advice)
    if paired and not eats:
        comparing = " or ".join(each.name for each in TRAINERS.values() if each.rows == "dpo")
        message = f"stage `{name}` trains by {stage.train.by}, which does not compare answers"
        yield finding(RULE, context.source.key((*path, "rows", "pairs")), message, f"train by {comparing}")
    if paired and stage.task != "solve":
        message = "the answers that are paired were written in answer to the question alone"
        yield finding(RULE, context.source.value((*path, "task")), message, "write `task: solve`")
