"""Texts that another model corrects."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot import model_config
from cotspec.cot.template import shown
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.ir import generations
from cotspec.passes.check.context import Context, finding

_TEACH = "teach: {by: tutor, over: train}"
_LEARN = "stages: {first: {start: base, train: {by: sft, lr: 1e-5}, rows: {from: mended}, task: solve}}\n"

RULE = Rule(
    slug="revised",
    claim="A text is corrected (`revise`) by another model, with weights and the writer's tokens, and is made over the "
    "text that it corrects, which its prompt does not show.",
    why="The probabilities of two models are compared token by token after the question. A server gives none, and a "
    "model agrees with itself everywhere. Transformers goes on with such texts, also where `engine` is vllm.",
    failing=f"generate: {{{_TEACH}, mended: {{by: tutor, over: teach, revise: tutor}}}}\n{_LEARN}",
    passing=f"generate: {{{_TEACH}, mended: {{by: tutor, over: teach, revise: base}}}}\n{_LEARN}",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every generation that is corrected."""
    spec = context.experiment
    served = {name for name, model in spec.models.items() if model.endpoint is not None}
    for name, each in spec.generate.items():
        if each.revise is None:
            continue
        path = ("generate", name)
        key, value = context.source.key((*path, "revise")), context.source.value((*path, "revise"))
        if not generations.chain(spec, each.over) and generations.data_of(spec, each.over):
            message = f"`{each.over}` has questions, and no text to correct"
            yield finding(RULE, context.source.value((*path, "over")), message, "write it over texts")
        if each.gather is not None:
            yield finding(RULE, key, "a gathered text corrects none", "leave it out")
        if each.by in served:
            yield finding(RULE, key, f"`{each.by}` is a server, which gives no probabilities", "leave it out")
        if each.revise in served:
            message = f"`{each.revise}` is a server, which gives no probabilities"
            yield finding(RULE, value, message, "name a model with weights")
        elif each.revise == each.by:
            message = f"`{each.by}` agrees with itself everywhere"
            yield finding(RULE, value, message, "name another model")
        elif why := model_config.two_vocabularies(*context.vocabulary(each.by), *context.vocabulary(each.revise)):
            message = why.replace("student", f"`{each.by}`").replace("teacher", f"`{each.revise}`")
            yield finding(RULE, value, message, "take a model of its family")
        text = context.files.get(each.prompt) if each.prompt else None
        if text is not None and each.over in shown(text):
            span = context.source.value((*path, "prompt"))
            message = f"`{each.prompt}` shows `{each.over}`, which the writer goes on with"
            yield finding(RULE, span, message, f"leave {{{{ {each.over} }}}} out")
