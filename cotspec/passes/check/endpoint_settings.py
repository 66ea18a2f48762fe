"""Settings of models behind a server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, finding, misnamed
from cotspec.spec.experiment import Endpoint
from cotspec.spec.resources import EndpointResources

OURS: Final = frozenset(
    (
        *("chat_template_kwargs", "max_completion_tokens", "max_tokens", "messages", "model", "n", "prompt", "seed"),
        *Endpoint.model_fields,
        *("stop", "stream", "stream_options", "temperature", "tools", "top_k", "top_p"),
    )
)
"""Fields of a request that have a key of their own, or no use."""

_BEYOND: Final = re.compile(r"/(?:chat/)?completions/?\Z|/(?:responses|models|embeddings)/?\Z")
"""What servers have behind that."""

RULE = Rule(
    slug="endpoint-settings",
    claim="`resources.endpoints` names models that are behind a server, a budget of money has prices, and `request` "
    "has only fields that cotspec does not set.",
    why="A setting of another model would do nothing, what a token costs is known to nobody else, and a field that is "
    "set twice would hide what a text was asked with.",
    failing="resources: {endpoints: {tutor: {concurrency: 4}}}\n",
    passing="resources: {train: {gpus: 0}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every model behind a server, and what is said of them."""
    models = context.experiment.models
    served = [name for name, model in models.items() if model.endpoint is not None]
    for name, settings in context.experiment.resources.endpoints.items():
        path = ("resources", "endpoints", name)
        if name not in served:
            what = f"`{name}` is not behind a server" if name in models else f"there is no model `{name}`"
            yield misnamed(RULE, context.source.key(path), what, name, served)
        yield from _budget(context, (*path, "budget"), settings)
    for name, model in models.items():
        given_url = model.endpoint.url if model.endpoint else None
        if given_url is not None and (cut := _BEYOND.search(given_url)):
            span = context.source.value(("models", name, "endpoint", "url"))
            yield finding(
                RULE, span, "an address goes up to `/v1`", f"leave `{cut[0]}` out: `chat` says which is asked"
            )
        for field in sorted(OURS & set(model.endpoint.request if model.endpoint else ())):
            span = context.source.key(("models", name, "endpoint", "request", field))
            yield finding(RULE, span, f"`{field}` of a request is set by cotspec", _instead(field))


def _budget(context: Context, path: Path, given: EndpointResources) -> Iterator[Diagnostic]:
    """A budget that could never be reached."""
    if given.budget is None:
        return
    if given.budget.tokens is None and given.budget.cost is None:
        yield finding(RULE, context.source.key(path), "this is no limit", "write `tokens: …` or `cost: …` into it")
    if given.budget.cost is None:
        return
    advice = "add `price: {input: …, output: …}`, of a million tokens each"
    span = context.source.key((*path, "cost"))
    if given.price is None:
        yield finding(RULE, span, "a budget of money needs the prices of tokens", advice)
    elif not given.price.input and not given.price.output:
        yield finding(
            RULE, span, "with prices of 0 no cost is ever reached", "write the prices, or a budget of `tokens`"
        )


def _instead(field: str) -> str:
    match field:
        case "temperature" | "top_p" | "top_k" | "stop":
            return f"write it under `sampling`: `{field}: …`"
        case "n":
            return "write `sampling: {n: …}`: each text is a request of its own"
        case "max_tokens" | "max_completion_tokens":
            return "write `sampling: {max_new_tokens: …}`"
        case "chat_template_kwargs":
            return "write `template: {…}` beside `chat: true`"
        case _ if field in Endpoint.model_fields:
            return "it stands beside `request`, not in it"
        case _:
            return "leave it out"
