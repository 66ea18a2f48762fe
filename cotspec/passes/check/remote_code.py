"""Code that comes with a model."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding

RULE = Rule(
    slug="remote-code",
    claim="Code that comes with a hub model runs only when whoever checks or builds agrees, by `--trust-remote-code`.",
    why="A spec can come from anybody, and so can the code in a model's repository: it could do whatever you can do "
    "on this machine. A spec cannot agree in your place.",
    failing="models: {more: {hub: a/b, trust_remote_code: true}}\n",
    passing="models: {more: {hub: a/b, revision: 0123456789abcdef0123456789abcdef01234567}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every model, used or not."""
    if context.options.trust_remote_code:
        return
    for name, model in context.experiment.models.items():
        if model.hub is not None and model.trust_remote_code:
            span = context.source.value(("models", name, "trust_remote_code"))
            message = f"`{model.hub}` would run code from its repository"
            advice = "read that code, pin `revision` to the commit you read, then pass `--trust-remote-code`"
            yield finding(RULE, span, message, advice)
