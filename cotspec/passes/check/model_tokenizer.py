"""Models whose tokenizer can do what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot import model_config
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding

RULE = Rule(
    slug="model-tokenizer",
    claim="A model with `chat: true` has a chat template, and every token of a tokenizer has a vector in the model.",
    why="Without a template there is no chat to wrap a prompt in; a token without a vector ends the first batch that "
    "holds it. Both are known where the model's files are at hand; otherwise the preflight asks.",
    failing="models: {base: {builtin: tiny-student, chat: true}}\n",
    passing="models: {base: {builtin: tiny-student}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every model whose files are here."""
    for name, model in context.experiment.models.items():
        file = context.read_model(model)
        if file is None:
            continue
        if model.chat and not file.template:
            span = context.source.value(("models", name, "chat"))
            yield finding(RULE, span, f"the tokenizer of `{name}` has no chat template", "leave `chat: true` out")
        rows = model_config.embedded(file.config)
        if rows and (ids := model_config.ids(file.words)) > rows:
            message = f"the tokenizer of `{name}` has ids up to {ids - 1}, and the model has {rows} vectors"
            yield finding(RULE, context.source.key(("models", name)), message, "use the tokenizer of the model")
