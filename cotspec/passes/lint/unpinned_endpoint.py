"""Models behind a server, which can change under a spec."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning

RULE = Rule(
    slug="unpinned-endpoint",
    claim="What a spec trains on can be made again from what it names.",
    why="A server may have another model under the same name tomorrow, and no lock can hold it: the texts that were "
    "written are all there is, so keep them (`dvc push`). Say so with `allow`, or name weights (`hub` with a commit) "
    "and serve them yourself.",
    failing=r"$ sed -i 's/tutor: .*/tutor: {endpoint: {url: \"http:\/\/localhost:8000\/v1\", model: m}}/' specs/a.yaml"
    "\n$ cotspec check --allow-endpoints specs/a.yaml\n",
    passing="$ cotspec check specs/a.yaml\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every model behind a server."""
    for name, model in context.experiment.models.items():
        if model.endpoint is not None:
            message = f"what is served as `{model.endpoint.model}` cannot be pinned"
            advice = "keep what it writes (`dvc push`), and accept that it cannot be made again: `allow` with a reason"
            yield warning(RULE, context.source.value(("models", name, "endpoint", "model")), message, advice)
