"""Models behind a server are asked for texts, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes import ancestry
from cotspec.passes.check.context import Context, finding

_STAGE = "train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve"
_WRITES = "it may write texts (`generate: {…: {by: …}}`), judge them and be evaluated"

RULE = Rule(
    slug="endpoint-use",
    claim="A model behind a server (`endpoint`) writes texts, judges and is evaluated; no stage starts from it or "
    "learns its probabilities.",
    why="A server gives texts. It gives neither weights to train, nor checkpoints that the way out of a stage could "
    "ask, nor the probabilities of all tokens that `distill` learns from.",
    failing=f"models: {{far: {{endpoint: {{model: m}}}}}}\nstages: {{first: {{start: far, {_STAGE}}}}}\n",
    passing=f"stages: {{first: {{start: base, {_STAGE}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage that uses one as weights."""
    for path, stage_name, stage in context.stages():
        for place, name in ancestry.used(stage):
            model = context.experiment.models.get(name)
            if model is None or model.endpoint is None or place[0] == "judges":
                continue
            if place == ("start",):
                message = f"stage `{stage_name}` starts from `{name}`, a server that gives no weights to train"
                advice = f"start from a `hub`, `path` or `builtin` model; {_WRITES}"
            else:
                message = f"stage `{stage_name}` learns the probabilities of `{name}`, and a server gives texts only"
                advice = f"have it write texts to learn from (`by: sft`), or name a teacher with weights; {_WRITES}"
            yield finding(RULE, context.source.value((*path, *place)), message, advice)
