"""Settings of the chat template go with a chat template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.cot import model_config
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding

OURS: Final = frozenset(
    (
        "add_generation_prompt",
        "chat_template",
        "continue_final_message",
        "conversation",
        "documents",
        "max_length",
        "messages",
        "padding",
        "return_assistant_tokens_mask",
        "return_dict",
        "return_tensors",
        "tokenize",
        "tokenizer_kwargs",
        "tools",
        "truncation",
    )
)
"""Arguments of `apply_chat_template` that are not the template's own."""

RULE = Rule(
    slug="chat-settings",
    claim="`system` and `template` stand beside `chat: true`, and `template` holds only what is the template's own.",
    why="Without a chat template nobody reads them; the conversation itself and how it becomes tokens is not a matter "
    "of a template's arguments.",
    failing="models: {base: {builtin: tiny-student, system: Be brief.}}\n",
    passing="models: {base: {hub: acme/chat, revision: 0123456789abcdef0123456789abcdef01234567, chat: true, "
    "system: Be brief., template: {thinking: false}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every model."""
    for name, model in context.experiment.models.items():
        path = ("models", name)
        for key in ("system", "template"):
            if getattr(model, key) and not model.chat:  # as its default, `cotspec show` writes it too
                message = f"`{key}` is for the chat template, which `{name}` does not use"
                yield finding(RULE, context.source.key((*path, key)), message, "add `chat: true`, or leave it out")
        for argument in sorted(OURS & set(model.template)):
            message = f"`{argument}` is not the template's own: cotspec sets it"
            yield finding(RULE, context.source.key((*path, "template", argument)), message, "leave it out")
        file = context.read_model(model) if model.template else None
        arguments = sorted(set(model.template) - OURS)
        for argument in model_config.unread(file.chat, arguments) if file and file.chat else ():
            message = f"the chat template of `{name}` does not read `{argument}`"
            yield finding(RULE, context.source.key((*path, "template", argument)), message, "correct or remove it")
