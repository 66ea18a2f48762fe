"""Settings that go with where a model or data set comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, finding
from cotspec.spec.data import DATA_SOURCES
from cotspec.spec.models import MODEL_SOURCES

USED: Mapping[str, tuple[str, ...]] = {
    "revision": ("hub",),
    "trust_remote_code": ("hub",),
    "config": ("hub",),
    "split": ("hub", "builtin"),
    "question": ("hub", "file"),
    "answer": ("hub", "file"),
    "max_bad_rows": ("hub", "file"),
    "size": ("builtin",),
    "seed": ("builtin",),
    "steps": ("builtin",),
}
_NEEDED: Mapping[str, tuple[str, ...]] = {"hub": ("split",), "builtin": ("split", "size"), "file": ()}
_WORKED = "trace"

RULE = Rule(
    slug="source-settings",
    claim="A model or data set has the settings its source needs, and none that it ignores.",
    why="Which split is read, or how many problems are made, decides the result and is not guessed; "
    "a setting without effect misleads.",
    failing="data: {valid: {builtin: chains, split: valid}}\n",
    passing="data: {valid: {builtin: chains, split: valid, size: 50}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every model and data set that has one source."""
    for name, model in context.experiment.models.items():
        sources = [key for key in MODEL_SOURCES if getattr(model, key) is not None]
        if len(sources) == 1:
            yield from _unused(context, ("models", name), sources[0], set(model.model_fields_set))
    for name, data in context.experiment.data.items():
        sources = [key for key in DATA_SOURCES if getattr(data, key) is not None]
        if len(sources) == 1:
            path = ("data", name)
            yield from _unused(context, path, sources[0], set(data.model_fields_set))
            if data.builtin is not None and data.trace not in (None, _WORKED):
                message = f"the solutions of a builtin data set are its column `{_WORKED}`"
                yield finding(RULE, context.source.value((*path, "trace")), message, f"write `trace: {_WORKED}`")
            for key in _NEEDED[sources[0]]:
                if getattr(data, key) is None:
                    message = f"data set `{name}` ({sources[0]}) needs `{key}`"
                    yield finding(RULE, context.source.key(path), message, f"add `{key}: …`")


def _unused(context: Context, path: Path, source: str, keys: set[str]) -> Iterator[Diagnostic]:
    for key in sorted(keys):
        if key in USED and source not in USED[key]:
            message = f"`{key}` has no effect on `{source}`"
            yield finding(RULE, context.source.key((*path, key)), message, "leave it out")
