"""Servers that a spec would have prompts sent to."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding
from cotspec.spec.endpoints import same
from cotspec.spec.experiment import Endpoint
from cotspec.spec.local import LOCAL_FILE

_FAR = r"sed -i 's/tutor: .*/tutor: {endpoint: {url: \"http:\/\/localhost:8000\/v1\", model: m}}/' specs/a.yaml"
_ALLOW = "echo 'allow: [{rule: unpinned-endpoint, reason: its texts are kept}]' >> specs/a.yaml"

RULE = Rule(
    slug="endpoint-consent",
    claim="A server is asked only where this machine's `cotspec.local.yaml` names it under `endpoints`, and gets only "
    "the key that is named there.",
    why="A spec can come from anybody: it could send your questions, and a key of your environment, to a host of its "
    "author's. A spec cannot agree in your place. `--allow-endpoints` lets a check or build pass where nothing is run "
    "(in CI); tasks look at the file themselves, whatever was built.",
    failing=f"$ {_FAR}\n$ cotspec check specs/a.yaml\n",
    passing=f"$ {_FAR}\n$ {_ALLOW}\n$ echo 'endpoints: {{\"http://localhost:8000/v1\": {{}}}}' > cotspec.local.yaml\n"
    "$ cotspec check specs/a.yaml\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every model behind a server, used or not, then the vLLM servers that stages name."""
    if context.options.allow_endpoints:
        return
    yield from _of_stages(context)
    for name, model in context.experiment.models.items():
        given = model.endpoint
        agreed = None if given is None else context.agreed(given)
        if given is None or (agreed is not None and (given.key is None or agreed.key is not None)):
            continue
        span = context.source.value(("models", name, "endpoint", "model" if given.url is None else "url"))
        if agreed is not None:
            message = f"`{name}` is said to need the key in {given.key}, and `{LOCAL_FILE}` sends none"
        elif given.url is None:
            message = f"nothing says where `{given.model}` is served"
        else:
            message = f"prompts would go to {same(given.url)}, and nobody here has agreed to that"
        yield finding(RULE, span, message, f"if you want it, write into {LOCAL_FILE}: `{_line(given)}`")


def _of_stages(context: Context) -> Iterator[Diagnostic]:
    found = set()
    for _, name, stage in context.stages():
        given = context.resources(name)
        server = Endpoint.model_construct(url=given.vllm_server, model="vLLM")
        if not (given.vllm and given.vllm_server and stage.train.drawn is not None) or context.agreed(server):
            continue
        key = "vllm_server_base_url" if given.vllm_server_base_url else "vllm_server_host"
        own = ("resources", "stages", name, key)
        span = context.source.value(own if own in context.source.values else ("resources", "train", key))
        if span not in found:
            found.add(span)
            message = f"prompts and weights would go to {same(given.vllm_server)}, and nobody here has agreed to that"
            yield finding(RULE, span, message, f"if you want it, write into {LOCAL_FILE}: `{_line(server)}`")


def _line(given: Endpoint) -> str:
    """What the owner of the machine would write."""
    url = [] if given.url is not None else ["url: http://…/v1"]
    key = [] if given.key is None else [f"key: {given.key}"]
    return f'endpoints: {{"{same(given.url) if given.url else given.model}": {{{", ".join(url + key)}}}}}'
