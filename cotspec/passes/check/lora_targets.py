"""Adapters on layers that the model has."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot import model_config
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, FirstModel, finding, misnamed
from cotspec.spec.training import Lora

_STAGE = "start: base, rows: {from: teach}, task: solve, train: {by: sft, lr: 1e-5, lora: {targets: "

RULE = Rule(
    slug="lora-targets",
    claim="Each of `lora.targets` names layers that the model has; `all-linear` stands alone.",
    why="A name that matches no layer is passed over in silence as long as another one matches: the run trains less "
    "than was asked. The layers are known for the common families, where the model is builtin, in a folder, in "
    "`cotspec.local.yaml` or in the hub's cache; of others the stage itself asks the model before it loads weights. "
    "The output layer takes no adapter, because TRL computes the loss from its weights directly.",
    failing=f"stages: {{first: {{{_STAGE}[q_proj, v_porj]}}}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}[q_proj, v_proj]}}}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage with adapters."""
    for path, name, stage in context.stages():
        if stage.train.lora is None:
            continue
        here, targets = (*path, "train", "lora", "targets"), stage.train.lora.targets
        if model_config.ALL_LINEAR in targets and len(set(targets)) > 1:
            message = f"`{model_config.ALL_LINEAR}` stands beside names of layers"
            yield finding(RULE, context.source.value(here), message, "name either all linear layers or some of them")
        elif (first := context.first_model(name)) is not None:
            yield from _unmatched(context, here, stage.train.lora, first)


def _unmatched(context: Context, here: tuple[str | int, ...], lora: Lora, first: FirstModel) -> Iterator[Diagnostic]:
    names = model_config.layers(first.files.config)
    if names is None:
        return
    for target in model_config.unmatched(lora.targets, names):
        place = (*here, lora.targets.index(target))
        span = context.source.value(place if place in context.source.values else here)
        message = f"`{first.name}` has no layer `{target}` to adapt"
        yield misnamed(RULE, span, message, target, (*names, model_config.ALL_LINEAR))
