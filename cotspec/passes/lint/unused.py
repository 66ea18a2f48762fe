"""Models and data sets that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.ir import generations
from cotspec.ir.defaults import VALID_DATA
from cotspec.passes import ancestry
from cotspec.passes.check.context import Context, unused
from cotspec.spec.evaluation import asked_data
from cotspec.spec.experiment import Best, Stage

_DATA = "data: {valid: {builtin: chains, split: valid, size: 20}}\n"
_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve"

RULE = Rule(
    slug="unused",
    claim="Every model, data set and generation of a spec is used by it, or by one of its variants.",
    why="What is named and not used is often a reference to another name by mistake: the run is then about something "
    "else than its author thinks; where the name is nearly that of another, it is an error. `valid` is what "
    "transitions measure on: where there are some, one reads `valid.<metric>`.",
    failing=f"{_DATA}stages: {{first: {{{_STAGE}, advance: {{checkpoint: {{step: 1}}}}}}}}\n",
    passing=f"{_DATA}stages: {{first: {{{_STAGE}, advance: {{require: {{valid.accuracy: '>= 0.1'}}}}}}}}\n",
    everywhere=True,
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every model, data set and generation."""
    spec = context.experiment
    models = {*(each.by for each in spec.generate.values()), *spec.evaluate.of}
    models |= {name for each in spec.generate.values() for name in each.others.values()}
    data = {*(each.over for each in spec.generate.values()), *asked_data(spec.evaluate).values()}
    data |= {source.from_ for _, _, _, source in context.sources()}
    texts = generations.used(spec)
    for _, _, stage in context.stages():
        models |= {name for _, name in ancestry.used(stage)}
        data |= {VALID_DATA} if _validated(stage) else set()
    if all(stage.advance is None for stage in spec.stages.values()):
        data.add(VALID_DATA)
    for name in spec.models:
        if name not in models:
            message = f"nothing uses the model `{name}`"
            yield unused(context, RULE, ("models", name), message, spec.models, "leave it out, or use it")
    for name in spec.generate:
        if name not in texts:
            message = f"nothing uses the texts `{name}`"
            advice = "leave them out, or train on them"
            yield unused(context, RULE, ("generate", name), message, spec.generate, advice)
    for name in spec.data:
        if name not in data:
            validates = name == VALID_DATA
            message = "no transition reads `valid`" if validates else f"nothing uses the data set `{name}`"
            advice = "leave it out, or read `valid.<metric>` in `advance`" if validates else "leave it out, or use it"
            yield unused(context, RULE, ("data", name), message, spec.data, advice)


def _validated(stage: Stage) -> bool:
    if stage.advance is None:
        return False
    best = stage.advance.checkpoint.best if isinstance(stage.advance.checkpoint, Best) else ""
    return any(metric.startswith(f"{VALID_DATA}.") for metric in (best, *stage.advance.require))
