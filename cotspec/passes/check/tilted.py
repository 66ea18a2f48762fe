"""Texts that other models lean on."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot import model_config
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding

RULE = Rule(
    slug="tilted",
    claim="What leans on a writer (`tilt`) is another model, with weights and the writer's tokens.",
    why="Logits are added place by place: a server gives none, and those of two vocabularies are of different tokens. "
    "A text over several records has no use for it. Transformers draws such texts, also where `engine` is vllm, which "
    "asks no second model.",
    failing="generate: {teach: {by: tutor, over: train, tilt: {scale: 2.0}}}\n",
    passing="generate: {teach: {by: tutor, over: train, tilt: {against: base, scale: 0.3}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every generation with a tilt."""
    spec = context.experiment
    for name, each in spec.generate.items():
        if each.tilt is None:
            continue
        path = ("generate", name, "tilt")
        key, served = context.source.key(path), {m for m, model in spec.models.items() if model.endpoint is not None}
        if not each.tilt.named:
            yield finding(RULE, key, "nobody leans here", "name a model: `toward`, `against`, or both")
        if len(each.tilt.named) == 2 and each.tilt.toward == each.tilt.against:
            message = f"`{each.tilt.against}` leans both ways, which changes nothing"
            yield finding(RULE, context.source.value((*path, "against")), message, "name two models")
        if each.by in served:
            message = f"`{each.by}` is a server, which gives no logits to lean on"
            yield finding(RULE, key, message, "let a model with weights write, or leave `tilt` out")
        if each.gather is not None:
            yield finding(RULE, key, "a gathered text takes no `tilt`", "leave it out")
        for role, other in each.tilt.named.items():
            span = context.source.value((*path, role))
            if other == each.by and len(each.tilt.named) == 1:  # beside another model, it is a part of a mixture
                message = f"`{other}` leans {role} itself, which is but another temperature"
                yield finding(RULE, span, message, "name another model, or set `sampling.temperature`")
            elif other in served:
                yield finding(RULE, span, f"`{other}` is a server, which gives no logits", "name a model with weights")
            elif why := model_config.two_vocabularies(*context.vocabulary(each.by), *context.vocabulary(other)):
                message = why.replace("student", f"`{each.by}`").replace("teacher", f"`{other}`")
                yield finding(RULE, span, message, "take a model of its family")
