"""Hub models and data sets that can change under a spec."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import listed
from cotspec.ir import defaults
from cotspec.passes.check.context import Context, warning
from cotspec.spec.lock import HubKind, is_commit

_REVISION = "revision: 0123456789abcdef0123456789abcdef01234567"
_ADVICE = "run `cotspec lock`, which asks the hub for the commit, or give its 40 hex digits as `revision`"

RULE = Rule(
    slug="unpinned-revision",
    claim="A model or data set of the hub is pinned to a commit, by the spec or by `cotspec.lock`.",
    why="A branch or a tag can be moved: the same spec would train on other weights or questions next month, "
    "and nobody could repeat the run. `cotspec lock` writes the commits of all of them; a `revision` that is a commit "
    "needs no lock.",
    failing="models: {more: {hub: a/b}}\n",
    passing=f"models: {{more: {{hub: a/b, {_REVISION}}}}}\n",
    together="are not pinned to a commit",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every model and data set of the hub."""
    for name, model in context.experiment.models.items():
        if model.hub is not None:
            yield from _pinned(context, "models", name, hub=model.hub, revision=model.revision)
    for name, data in context.experiment.data.items():
        if data.hub is not None:
            yield from _pinned(context, "data", name, hub=data.hub, revision=data.revision)


def _pinned(context: Context, kind: HubKind, name: str, *, hub: str, revision: str | None) -> Iterator[Diagnostic]:
    asked_revision = defaults.HUB_REVISION if revision is None else revision
    if is_commit(asked_revision):
        return
    path: Path = (kind, name, "hub" if revision is None else "revision")
    message = (
        f"`{hub}` is not pinned to a commit" if revision is None else f"`{revision}` is a branch or a tag of `{hub}`"
    )
    pins = context.pins
    if pins is not None and pins.commit(kind, hub, asked_revision) is not None:
        return
    other_pins = [] if pins is None else pins.others(kind, hub)
    if other_pins:
        message = f"{message}, and the lock pins {listed(key[2] for key in other_pins)} of it"
    related = () if pins is None else tuple((pins.span(key), "is another revision") for key in other_pins)
    unpinned = warning(RULE, context.source.value(path), message, _ADVICE, related=related)
    yield unpinned if other_pins or revision is not None else unpinned._replace(subject=hub)
